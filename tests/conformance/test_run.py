"""The runner sees what is wrong, and refuses what is no transcript."""

import unittest

from expect import Mismatch, check, check_members
from replay import Result
from table import unknown, who_does_what
from transcript import Malformed, load, parse

HEAD = 'behaviour = "b"\nknown = "documented"\nsource = ["https://example.com"]\n'


class Run(unittest.TestCase):
    def test_every_transcript_can_be_read_and_has_a_title_of_its_own(self):
        found = load()
        self.assertGreater(len(found), 70)
        self.assertEqual(len({transcript.behaviour for transcript in found}), len(found))

    def test_what_is_no_transcript_is_refused(self):
        for text, message in (
            (HEAD + "[[steps]]\nconnet = 'client'", "does not have exactly one"),
            (HEAD + "[[steps]]\nsay = 'a'\nfrom = 'b'", "cannot have from"),
            (HEAD + "steps = []\nslwo = true", "no member is called slwo"),
            (HEAD.replace("documented", "guessed") + "steps = []", "known is one of"),
            (HEAD + "[[steps]]\nreceive = {}\nrecord = true", "what is unknown is recorded"),
        ):
            with self.subTest(text), self.assertRaisesRegex(Malformed, message):
                parse("1-group/01-name", text)

    def test_another_value_type_or_part_is_a_mismatch(self):
        check("it", "a", "a")
        check("it", "~a+", "aaa")
        for pattern, found in (("a", "b"), ("~a", "aa"), (1, True), ("~1", 1), ({}, {"a": 1})):
            with self.subTest(pattern=pattern, found=found), self.assertRaises(Mismatch):
                check("it", pattern, found)

    def test_members_are_found_by_their_paths(self):
        event = {"a": {"b": ""}}
        check_members("it", {"a.b": ""}, ["a.c", "b"], event)
        for has, lacks in (({"a.c": ""}, []), ({}, ["a.b"]), ({"a.b.c": ""}, [])):
            with self.subTest(has=has, lacks=lacks), self.assertRaises(Mismatch):
                check_members("it", has, lacks, event)

    def test_the_table_counts_what_passed(self):
        good = parse("1-group/01-good", HEAD + "steps = []")
        asked = parse("1-group/02-asked", HEAD.replace("documented", "unknown") + "[[steps]]\nreceive = {}\nrecord = true")
        results = {
            "one": [Result(good, True), Result(asked, None, observed=["a|b"])],
            "two": [Result(good, False, "no"), Result(asked, None)],
        }
        self.assertIn("| b | D | yes | **no** |\n| **of 1** | | 1 | 0 |", who_does_what(results, "today"))
        self.assertIn("| b | `a\\|b` | – |", unknown(results, "today"))


if __name__ == "__main__":
    unittest.main()
