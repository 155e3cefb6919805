"""The events of a function on this machine: a file that it appends to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


class EventsFile:
    def __init__(self, path: Path) -> None:
        self.path = path
        path.touch()
        self._read = 0
        self._rest = b""
        self._events: list[dict[str, Any]] = []

    def events(self) -> list[dict[str, Any]]:
        with self.path.open("rb") as file:
            file.seek(self._read)
            new = file.read()
        self._read += len(new)
        *lines, self._rest = (self._rest + new).split(b"\n")
        self._events += [json.loads(line.removeprefix(b"EVENT ")) for line in lines]
        return self._events
