"""What the runner writes into pages: who does what, and what nobody is known to have measured."""

from __future__ import annotations

import datetime
import re
from pathlib import Path

from replay import Result
from transcript import KNOWN, Transcript

HERE = Path(__file__).parent
DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
BEGIN, END = "<!-- written by tests/conformance/run.py -->", "<!-- end -->"

Results = dict[str, list[Result]]


def who_does_what(results: Results, date: str) -> str:
    """A row for each behaviour that is known of AWS."""
    names = list(results)
    lines = [
        f"Run on {date} by `tests/conformance/run.py`, on loopback. **D**: documented by AWS, **R**: recorded from AWS, "
        "**P**: reported by people.",
        "",
        f"| | | {' | '.join(names)} |",
        f"| --- | --- |{' --- |' * len(names)}",
    ]
    group, sums = "", dict.fromkeys(names, 0)
    known = [transcript for transcript in _played(results) if transcript.known != "unknown"]
    for transcript in known:
        if transcript.group != group:
            group = transcript.group
            lines.append(f"| **{group}** | |{' |' * len(names)}")
        found = {name: _result(results[name], transcript).passed for name in names}
        marks = " | ".join("–" if passed is None else "yes" if passed else "**no**" for passed in found.values())
        lines.append(f"| {transcript.behaviour} | {KNOWN[transcript.known]} | {marks} |")
        for name, passed in found.items():
            sums[name] += passed is True
    lines.append(f"| **of {len(known)}** | | {' | '.join(str(number) for number in sums.values())} |")
    return "\n".join(lines)


def unknown(results: Results, date: str) -> str:
    """A row for each question, with what the emulators do."""
    names = list(results)
    lines = [f"Run on {date}.", "", f"| | {' | '.join(names)} |", f"| --- |{' --- |' * len(names)}"]
    for transcript in _played(results):
        if transcript.known == "unknown":
            seen = [_result(results[name], transcript).observed for name in names]
            cells = ["; ".join(f"`{text}`" for text in texts).replace("|", "\\|") or "–" for texts in seen]
            lines.append(f"| {transcript.behaviour} | {' | '.join(cells)} |")
    return "\n".join(lines)


PAGES = {HERE.parents[1] / "gateway" / "README.md": who_does_what, HERE / "README.md": unknown}


def write(results: Results) -> None:
    for page, table in PAGES.items():
        before, _, after = _parts(page)
        page.write_text(f"{before}{BEGIN}\n{table(results, datetime.date.today().isoformat())}\n{END}{after}")


def outdated(results: Results) -> list[str]:
    """The pages that say something else than what was just seen; the day of it does not count."""
    found = []
    for page, table in PAGES.items():
        stands = _parts(page)[1]
        date = DATE.search(stands)
        if date is None or stands != table(results, date[0]):
            found.append(str(page))
    return found


def _played(results: Results) -> list[Transcript]:
    return [result.transcript for result in next(iter(results.values()))]


def _result(results: list[Result], transcript: Transcript) -> Result:
    return next(result for result in results if result.transcript is transcript)


def _parts(page: Path) -> tuple[str, str, str]:
    before, rest = page.read_text().split(BEGIN)
    stands, after = rest.split(END)
    return before, stands.strip("\n"), after
