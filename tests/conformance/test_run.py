"""The runner sees what is wrong, and refuses what is no transcript."""

import tempfile
import unittest
from pathlib import Path
from unittest import mock

import table
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

    def test_a_page_is_out_of_date_by_another_result_and_not_by_another_day(self):
        transcript = parse("1-group/01-good", HEAD + "steps = []")
        passed, failed = ({"one": [Result(transcript, passed)]} for passed in (True, False))
        with tempfile.TemporaryDirectory() as folder:
            page = Path(folder) / "page.md"
            page.write_text(f"before\n{table.BEGIN}\n{table.END}\nafter\n")
            with mock.patch.object(table, "PAGES", {page: who_does_what}):
                self.assertEqual(table.outdated(passed), [str(page)])
                table.write(passed)
                self.assertTrue(page.read_text().startswith("before\n") and page.read_text().endswith("\nafter\n"))
                page.write_text(table.DATE.sub("2020-01-01", page.read_text()))
                self.assertEqual((table.outdated(passed), table.outdated(failed)), ([], [str(page)]))


if __name__ == "__main__":
    unittest.main()
