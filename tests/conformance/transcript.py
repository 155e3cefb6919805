"""Reads transcripts: one behaviour each, as data. The format is described in README.md."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "transcripts"
KNOWN = {"documented": "D", "recorded": "R", "reported": "P", "unknown": "?"}
APIS = ("open", "guarded", "bare")
# Each step has one of these, and only the members after it.
STEPS = {
    "connect": {"path", "stage", "orders", "auth", "query", "padding", "headers", "token", "expect", "record"},
    "request": {"path", "stage", "expect", "record"},
    "say": {"by"},
    "frames": {"by"},
    "receive": {"by", "record"},
    "event": {"by", "has", "lacks", "record"},
    "no_event": {"by", "record"},
    "call": {"on", "id", "stage", "body", "hex", "repeat", "signed", "as", "expect", "record"},
    "hang_up": set(),
    "sleep": set(),
}


@dataclass
class Transcript:
    name: str
    behaviour: str
    known: str
    source: list[str]
    steps: list[dict[str, Any]]
    api: str
    slow: bool

    @property
    def group(self) -> str:
        return self.name.split("/")[0].split("-", 1)[1]


class Malformed(Exception):
    """A transcript is not one; the message says where and what."""


def load(folder: Path = FOLDER) -> list[Transcript]:
    """Reads all of them, in the order of their names: `1-handshake/01-accepted.toml`."""
    paths = sorted(folder.glob("*/*.toml"))
    return [parse(str(path.relative_to(folder).with_suffix("")), path.read_text()) for path in paths]


def parse(name: str, text: str) -> Transcript:
    data = tomllib.loads(text)
    unknown = set(data) - {"behaviour", "known", "source", "steps", "api", "slow"}
    if unknown:
        raise Malformed(f"{name}: no member is called {sorted(unknown)[0]}")
    transcript = Transcript(
        name,
        data["behaviour"],
        data["known"],
        data["source"],
        data["steps"],
        data.get("api", "open"),
        data.get("slow", False),
    )
    if transcript.known not in KNOWN:
        raise Malformed(f"{name}: known is one of {', '.join(KNOWN)}")
    if transcript.api not in APIS:
        raise Malformed(f"{name}: api is one of {', '.join(APIS)}")
    if not transcript.source:
        raise Malformed(f"{name}: a source is needed, also of a question")
    for number, step in enumerate(transcript.steps, 1):
        verbs = set(step) & set(STEPS)
        if len(verbs) != 1:
            raise Malformed(f"{name}: step {number} does not have exactly one of {', '.join(STEPS)}")
        others = set(step) - verbs - STEPS[verbs.pop()]
        if others:
            raise Malformed(f"{name}: step {number} cannot have {sorted(others)[0]}")
    records = any(step.get("record") for step in transcript.steps)
    if records != (transcript.known == "unknown"):
        raise Malformed(f"{name}: what is unknown is recorded, and nothing else")
    return transcript
