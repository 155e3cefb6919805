"""Plays the transcripts against API Gateways, and says who does what.

    run.py --gateway target/debug/room-auth-gateway --ministack     both, with a line for each failure
    run.py --gateway … --ministack --table                          prints the tables of the pages
    run.py --gateway … --ministack --write | --check                writes them there, or compares
    run.py --aws                                                    an account; see aws.sh
    run.py … --slow --only 5-closing                                also what takes minutes; only some

The pages are gateway/README.md and the README.md here.

Run by the Python that tests/ministack/setup.sh prints. Ends with 1 if the room-auth-gateway or AWS does something
that is known of AWS in another way, or a page is out of date. (If it is AWS, the transcript is wrong.)
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).parent
sys.path += [str(HERE), str(HERE.parent / "ministack")]

import table  # noqa: E402
import transcript  # noqa: E402
from replay import Result, play  # noqa: E402
from targets.aws import Aws  # noqa: E402
from targets.ministack import MiniStack  # noqa: E402
from targets.room_auth import RoomAuthGateway  # noqa: E402
from targets.target import Target  # noqa: E402

# What room-auth-gateway is known not to do: its README says so.
LEFT_OUT = {"1-handshake/13-compression"}


def main() -> int:
    options = arguments()
    chosen = [
        found
        for found in transcript.load()
        if (options.slow or not found.slow) and found.name.startswith(options.only)
    ]
    makers: list[Callable[[], Target]] = []
    if options.gateway:
        makers.append(lambda: RoomAuthGateway(str(Path(options.gateway).resolve())))
    if options.ministack:
        makers.append(MiniStack)
    if options.aws:
        makers.append(Aws)
    if not makers:
        raise SystemExit("name at least one of --gateway, --ministack and --aws")
    results: dict[str, list[Result]] = {}
    failed = False
    for make in makers:
        target = make()
        try:
            results[target.name] = [play_and_tell(found, target, options.verbose) for found in chosen]
        finally:
            target.stop()
        wrong = {result.transcript.name for result in results[target.name] if result.passed is False}
        if isinstance(target, RoomAuthGateway):
            # Also if it does now what was left out.
            failed |= wrong != LEFT_OUT & {found.name for found in chosen}
        failed |= isinstance(target, Aws) and bool(wrong)
        known = sum(found.known != "unknown" for found in chosen)
        print(f"{target.name}: {known - len(wrong)} of {known} as on AWS", file=sys.stderr)
    if options.table:
        print(table.who_does_what(results, "today"), table.unknown(results, "today"), sep="\n\n")
    if options.write:
        table.write(results)
    for page in table.outdated(results) if options.check else []:
        print(f"the table in {page} is out of date; write it by --write", file=sys.stderr)
        failed = True
    return int(failed)


def play_and_tell(found: transcript.Transcript, target: Target, verbose: bool) -> Result:
    result = play(found, target)
    if result.passed is False:
        print(f"{target.name}: {found.name}: {result.why}", file=sys.stderr)
    elif found.known == "unknown":
        print(f"{target.name}: {found.name}: {'; '.join(result.observed)} {result.why}".rstrip(), file=sys.stderr)
    elif verbose:
        print(f"{target.name}: {found.name}: {result.why or 'yes'}", file=sys.stderr)
    return result


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gateway", metavar="PROGRAM", help="starts this room-auth-gateway")
    parser.add_argument("--ministack", action="store_true", help="starts the MiniStack of this Python")
    parser.add_argument("--aws", action="store_true", help="uses what terraform has deployed")
    parser.add_argument("--only", default="", metavar="PREFIX", help="plays the transcripts whose names begin so")
    parser.add_argument("--slow", action="store_true", help="plays also those that take minutes")
    parser.add_argument("--verbose", action="store_true", help="names also what is as on AWS")
    parser.add_argument("--table", action="store_true", help="prints the tables of the pages")
    parser.add_argument("--write", action="store_true", help="writes the tables into the pages")
    parser.add_argument("--check", action="store_true", help="compares them with the pages")
    options = parser.parse_args()
    whole = options.gateway and options.ministack and not (options.aws or options.slow or options.only)
    if (options.write or options.check) and not whole:
        parser.error("the pages have the tables of a run of both emulators, without --slow and --only")
    return options


sys.exit(main())
