"""Compares what was seen with what a transcript says."""

from __future__ import annotations

import json
import re
from typing import Any


class Mismatch(Exception):
    """What was seen is not what was expected; the message says both."""


def matches(pattern: Any, found: Any) -> bool:
    """Exactly equal; or, if the pattern is a text that begins with `~`, the rest is a regular expression for all of it."""
    if isinstance(pattern, str) and pattern.startswith("~"):
        return isinstance(found, str) and re.fullmatch(pattern[1:], found, re.DOTALL) is not None
    return type(pattern) is type(found) and pattern == found


def check(what: str, pattern: Any, found: Any) -> None:
    if not matches(pattern, found):
        raise Mismatch(f"{what} is {shown(found)}, not {shown(pattern)}")


def check_members(what: str, has: dict[str, Any], lacks: list[str], found: dict[str, Any]) -> None:
    """`has` and `lacks` name members by their paths: `requestContext.eventType`."""
    for path, pattern in has.items():
        present, value = member(found, path)
        if not present:
            raise Mismatch(f"{what} has no {path}")
        check(f"{path} of {what}", pattern, value)
    for path in lacks:
        present, value = member(found, path)
        if present:
            raise Mismatch(f"{what} has {path}: {shown(value)}")


def member(found: Any, path: str) -> tuple[bool, Any]:
    for name in path.split("."):
        if not isinstance(found, dict) or name not in found:
            return False, None
        found = found[name]
    return True, found


def shown(value: Any) -> str:
    text = value if isinstance(value, str) and value.startswith("~") else json.dumps(value)
    return text if len(text) <= 200 else f"{text[:200]}… ({len(text)} characters)"
