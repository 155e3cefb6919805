"""The evaluator of filter patterns does as the page of CloudWatch Logs says, where the module relies on it."""

import unittest

import patterns

LINE = '{"level": "WARN", "target": "room_auth", "record": {"status": "error"}, "n": 5}'
# pattern, whether it counts LINE
CASES = [
    ('{ $.level = "WARN" }', True),
    ('{ $.level = "warn" }', False),
    ('{ $.level != "WARN" }', False),
    ('{ $.level != "ERROR" }', True),
    ('{ $.target = "room*" }', True),
    ('{ $.target = "*" }', True),
    ('{ $.target = "room" }', False),
    ('{ $.target = "room?auth" }', False),
    ('{ $.record.status = "error" }', True),
    ('{ $.record.errorType = "*" }', False),
    ('{ $.absent != "x" }', False),
    ('{ $.n = "5" }', False),
    ('{ $.level = "WARN" && $.target = "x" }', False),
    ('{ $.level = "x" || $.target = "room_auth" }', True),
    ('{ $.level = "WARN" || $.level = "x" && $.target = "x" }', True),
    ('{ ($.level = "WARN" || $.level = "x") && $.target = "x" }', False),
]


class Patterns(unittest.TestCase):
    def test_each_pattern_counts_what_it_says(self):
        for pattern, expected in CASES:
            with self.subTest(pattern):
                self.assertEqual(patterns.matches(pattern, LINE), expected)

    def test_what_is_no_json_is_not_counted(self):
        self.assertFalse(patterns.matches('{ $.level = "*" }', "Error: PUBLIC_KEY is not set"))

    def test_what_is_not_understood_is_an_error(self):
        for pattern in ("ERROR", "{ $.a }", '{ $.a = "x"', '{ $.a = "x" } more', "{ $.a = %x% }", "{" + " " * 1024 + '$.a = "x" }'):
            with self.subTest(pattern), self.assertRaises((ValueError, IndexError)):
                patterns.matches(pattern, LINE)


if __name__ == "__main__":
    unittest.main()
