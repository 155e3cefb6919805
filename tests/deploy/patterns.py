"""Filter patterns of CloudWatch Logs for JSON lines, as far as the module uses them.

`{ $.a = "x" && ($.b.c = "y*" || $.d != "z") }`: strings with `*` at will, `=` and `!=`, `&&` before `||`, parentheses.
A line that is no JSON object, or lacks the field, matches neither `=` nor `!=`.
"""

from __future__ import annotations

import fnmatch
import json
import re
from typing import Any

_TOKEN = re.compile(r'\s*(?:(\$(?:\.\w+)+)|"([^"]*)"|(&&|\|\||!=|=|[(){}]))')
# CloudWatch takes no more (PutMetricFilter).
MAX_LENGTH = 1024


def matches(pattern: str, line: str) -> bool:
    """Whether the pattern counts the line."""
    if len(pattern) > MAX_LENGTH:
        raise ValueError(f"a pattern of {len(pattern)} characters")
    try:
        value = json.loads(line)
    except ValueError:
        return False
    parser = _Parser(pattern)
    parser.take("{")
    found = parser.any_of(value)
    parser.take("}")
    if parser.rest:
        raise ValueError(f"not understood: {parser.rest}")
    return found


class _Parser:
    def __init__(self, pattern: str) -> None:
        self.rest: list[tuple[str, str, str]] = []
        at = 0
        while pattern[at:].strip():
            token = _TOKEN.match(pattern, at)
            if token is None:
                raise ValueError(f"not understood: {pattern[at:]}")
            self.rest.append(token.groups(default=None))
            at = token.end()

    def take(self, symbol: str) -> None:
        if not self.rest or self.rest.pop(0)[2] != symbol:
            raise ValueError(f"{symbol} expected")

    def next_is(self, symbol: str) -> bool:
        return bool(self.rest) and self.rest[0][2] == symbol

    def any_of(self, value: Any) -> bool:
        found = self.all_of(value)
        while self.next_is("||"):
            self.take("||")
            found |= self.all_of(value)
        return found

    def all_of(self, value: Any) -> bool:
        found = self.one(value)
        while self.next_is("&&"):
            self.take("&&")
            found &= self.one(value)
        return found

    def one(self, value: Any) -> bool:
        if self.next_is("("):
            self.take("(")
            found = self.any_of(value)
            self.take(")")
            return found
        (path, _, _), (_, _, operator), (_, wanted, _) = self.rest.pop(0), self.rest.pop(0), self.rest.pop(0)
        if path is None or operator not in ("=", "!=") or wanted is None:
            raise ValueError("a comparison of a field with a string expected")
        for name in path.split(".")[1:]:
            value = value.get(name) if isinstance(value, dict) else None
        if not isinstance(value, str):
            return False
        # Only `*` is special to CloudWatch.
        equal = fnmatch.fnmatchcase(value, re.sub(r"[\[?]", r"[\g<0>]", wanted))
        return equal == (operator == "=")
