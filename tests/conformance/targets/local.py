"""What targets on this machine have in common: a folder, in it a file to which the function appends its events, and keys
that nobody checks."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from targets.signature import LOCAL, sign
from targets.target import NotHere


class LocalTarget:
    event_seconds = 2.0
    region: str
    # Why no caller can be denied.
    without_permissions: str

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self._events_file = Path(self._folder.name) / "events"
        self._events_file.touch()
        self._read = 0
        self._rest = b""
        self._events: list[dict[str, Any]] = []

    def events(self) -> list[dict[str, Any]]:
        with self._events_file.open("rb") as file:
            file.seek(self._read)
            new = file.read()
        self._read += len(new)
        *lines, self._rest = (self._rest + new).split(b"\n")
        self._events += [json.loads(line.removeprefix(b"EVENT ")) for line in lines]
        return self._events

    def signature(self, method: str, url: str, body: bytes, caller: str) -> list[tuple[str, str]]:
        if caller == "denied":
            raise NotHere(self.without_permissions)
        return sign(LOCAL, self.region, method, url, body)
