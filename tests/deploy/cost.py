"""The figures of docs/cost-and-scale.md.

usage: python cost.py [--write]     prints the tables, or writes them into the page
"""

from __future__ import annotations

import math
import re
import sys
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs" / "cost-and-scale.md"

# ---- Prices in US dollars, us-east-1. Sources and dates are on the page. ----
MILLION = 1_000_000
MESSAGE = 1.00 / MILLION
MESSAGE_OVER_A_BILLION = 0.80 / MILLION
CONNECTION_MINUTE = 0.25 / MILLION
INVOCATION = 0.20 / MILLION
GB_SECOND_ARM = 0.0000133334
WRITE_UNIT = 0.625 / MILLION
READ_UNIT = 0.125 / MILLION

# ---- Quotas, defaults ----
CONNECTIONS_PER_SECOND = 500
REQUESTS_PER_SECOND = 10_000
BURST = 5000
# Of an account in the thirteen regions that the page names.
SMALL_REGION_REQUESTS_PER_SECOND = 2500
SMALL_REGION_BURST = 1250
INTEGRATION_SECONDS = 29
CONNECTION_SECONDS = 2 * 60 * 60
PARTITION_WRITE_UNITS = 1000
PARTITION_READ_UNITS = 3000

# ---- What the functions do: see runtime/src/registry/dynamo/ ----
# Two items of up to 1 KB, in a transaction, which counts twice.
TRANSACTION_WRITES = 2 * 2
# Of them, in the room's partition.
ROOM_WRITES = 2
# A connection's items, up to 4 KB in all, consistent: eight rooms with small claims, too.
FIND_READS = 1
# Of a user, where a user claim is configured.
USER_WRITES = 2
# The connection's own item, the further room, and the connection in it.
JOIN_WRITES = 3 * 2
# A further room is written anew with a renewal: it may last as long as the connection does.
RENEWED_ROOM_WRITES = 2
# The markers of the user and of the token.
REVOCATION_READS = 2
# The use of a token that is accepted once.
SINGLE_USE_WRITES = 2
# A member in its room: keys, the endpoint, three numbers, their names, and the claims.
CLAIMS_BYTES = 200
MEMBER_BYTES = 120 + CLAIMS_BYTES

# ---- Assumptions, to be replaced by one's own measurements ----
MEMORY_GB = 0.25
CALL_MS = 15
POSTS_PER_SECOND = 5000
TOKEN_SECONDS = 300
RENEWED_AFTER = 0.9
MINUTES_A_MONTH = 30 * 24 * 60


def lambda_cost(seconds: float) -> float:
    return INVOCATION + seconds * MEMORY_GB * GB_SECOND_ARM


def messages_cost(count: float) -> float:
    """Of a month: the first billion costs more."""
    billion = 1000 * MILLION
    return min(count, billion) * MESSAGE + max(count - billion, 0) * MESSAGE_OVER_A_BILLION


def room_reads(members: int) -> int:
    return math.ceil(members * MEMBER_BYTES / 4096)


def broadcast_cost(members: int) -> float:
    """One message to a room: in, the sender found, the room listed, one message out to each member."""
    reads = FIND_READS + room_reads(members)
    return (1 + members) * MESSAGE + reads * READ_UNIT + lambda_cost(CALL_MS / 1000 + members / POSTS_PER_SECOND)


def renewals_per_second(members: int, lifetime: float = TOKEN_SECONDS) -> float:
    return members / (lifetime * RENEWED_AFTER)


def renewal_cost() -> float:
    """A message in, `renewed` out, the connection found and both of its items written."""
    return 2 * MESSAGE + FIND_READS * READ_UNIT + TRANSACTION_WRITES * WRITE_UNIT + lambda_cost(CALL_MS / 1000)


def join_cost() -> float:
    """A message in, `entered` out, the connection found and three items written."""
    return 2 * MESSAGE + FIND_READS * READ_UNIT + JOIN_WRITES * WRITE_UNIT + lambda_cost(CALL_MS / 1000)


def shards(members: int) -> int:
    """For a room whose members renew their tokens and, every two hours, leave and come again."""
    writes = renewals_per_second(members) + 2 * members / CONNECTION_SECONDS
    return max(1, math.ceil(writes * ROOM_WRITES / PARTITION_WRITE_UNITS))


def money(amount: float) -> str:
    if amount >= 100:
        return f"${amount:,.0f}"
    return f"${amount:.2f}" if amount >= 0.1 else f"${amount:.2g}" if amount >= 0.001 else f"${amount:.5f}"


def per_million(amount: float) -> str:
    return f"${amount * MILLION:.2f}"


def duration(seconds: float) -> str:
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def steps() -> str:
    connect = lambda_cost(CALL_MS / 1000) + TRANSACTION_WRITES * WRITE_UNIT
    disconnect = connect + FIND_READS * READ_UNIT
    rows = [
        ["`$connect`", f"{TRANSACTION_WRITES} WRU", "1", "0", per_million(connect)],
        ["`$connect` with the authorizer in front", f"{TRANSACTION_WRITES} WRU", "2", "0", per_million(connect + lambda_cost(CALL_MS / 1000))],
        ["`$connect` refused", "0", "1", "0", per_million(lambda_cost(CALL_MS / 1000))],
        ["an hour connected", "0", "0", "0", per_million(60 * CONNECTION_MINUTE)],
        ["message to a room of 10", f"{FIND_READS + room_reads(10)} RRU", "1", "11", per_million(broadcast_cost(10))],
        ["renewal", f"{FIND_READS} RRU, {TRANSACTION_WRITES} WRU", "1", "2", per_million(renewal_cost())],
        ["join or leave a room", f"{FIND_READS} RRU, {JOIN_WRITES} WRU", "1", "2", per_million(join_cost())],
        ["`$disconnect`", f"{FIND_READS} RRU, {TRANSACTION_WRITES} WRU", "1", "0", per_million(disconnect)],
    ]
    return table(["step", "DynamoDB", "Lambda", "messages", "a million cost"], rows)


def options() -> str:
    rows = [
        ["a user claim", "`$connect`, `$disconnect`", f"{USER_WRITES} WRU", per_million(USER_WRITES * WRITE_UNIT)],
        ["each room joined", "renewal, `$disconnect`", f"{RENEWED_ROOM_WRITES} to {2 * RENEWED_ROOM_WRITES} WRU", per_million(2 * RENEWED_ROOM_WRITES * WRITE_UNIT)],
        ["revocation", "`$connect`, join, renewal", f"{REVOCATION_READS} RRU", per_million(REVOCATION_READS * READ_UNIT)],
        ["single use", "`$connect`, join, renewal", f"{SINGLE_USE_WRITES} WRU", per_million(SINGLE_USE_WRITES * WRITE_UNIT)],
    ]
    return table(["option", "adds to", "DynamoDB", "a million cost at most"], rows)


def rooms() -> str:
    rows = []
    for members in (100, 1000, 10_000, 100_000, 1_000_000):
        fastest = members / REQUESTS_PER_SECOND
        rows.append(
            [
                f"{members:,}",
                money(broadcast_cost(members)),
                duration(fastest) + ("" if fastest < INTEGRATION_SECONDS else " (over 29 s)"),
                f"{room_reads(members):,}",
                duration(members / CONNECTIONS_PER_SECOND),
                f"{renewals_per_second(members):,.1f}",
                str(shards(members)),
                f"{REQUESTS_PER_SECOND / members:,.3g}",
            ]
        )
    head = [
        "members",
        "a message costs",
        "takes at least",
        "reads it (RRU)",
        "all connect in",
        "renewals / s",
        "shards",
        "messages / s, at most",
    ]
    return table(head, rows)


def months() -> str:
    rows = []
    for members in (100, 1000, 10_000, 100_000, 1_000_000):
        connected = members * MINUTES_A_MONTH * CONNECTION_MINUTE
        delivered = messages_cost((1 + members) * MINUTES_A_MONTH)
        renewed = renewals_per_second(members) * MINUTES_A_MONTH * 60 * renewal_cost()
        hourly = renewals_per_second(members, 3600) * MINUTES_A_MONTH * 60 * renewal_cost()
        reads = room_reads(members) * READ_UNIT * MINUTES_A_MONTH
        calls = lambda_cost(CALL_MS / 1000 + members / POSTS_PER_SECOND) * MINUTES_A_MONTH
        rows.append([f"{members:,}", *map(money, (connected, delivered, reads, calls, renewed, hourly))])
    head = ["members", "being connected", "messages", "listing the room", "Lambda", "renewals, 5 min", "renewals, 1 h"]
    return table(head, rows)


def notices() -> str:
    rows = []
    for members in (10, 100, 1000, 10_000):
        # The k-th to join is announced to the k - 1 before, and likewise when leaving.
        count = members * (members - 1)
        rows.append([f"{members:,}", f"{count:,}", money(count * MESSAGE), duration(count / REQUESTS_PER_SECOND)])
    return table(["members who come and go once", "joined and left notices", "cost", "take at least"], rows)


def regions() -> str:
    members = 10_000
    rows = []
    for name, rate, burst in (
        ("most", REQUESTS_PER_SECOND, BURST),
        ("thirteen, named below", SMALL_REGION_REQUESTS_PER_SECOND, SMALL_REGION_BURST),
    ):
        reached = rate * INTEGRATION_SECONDS
        rows.append([name, f"{rate:,}", f"{burst:,}", duration(members / rate), f"{reached:,}", f"{rate / 1000:g}"])
    head = [
        "regions",
        "requests a second",
        "burst",
        f"a message to {members:,} takes at least",
        "members reached in 29 s",
        "messages / s to a room of 1,000, at most",
    ]
    return table(head, rows)


TABLES = {"regions": regions, "steps": steps, "options": options, "rooms": rooms, "months": months, "notices": notices}


def rendered(page: str) -> str:
    """The page with each table between its markers made anew."""
    for name, make in TABLES.items():
        pattern = rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)"
        page, found = re.subn(pattern, lambda m: f"{m[1]}{make()}\n{m[2]}", page, flags=re.DOTALL)
        if found != 1:
            raise ValueError(f"the page has {found} tables named {name}")
    return page


if __name__ == "__main__":
    if "--write" in sys.argv:
        PAGE.write_text(rendered(PAGE.read_text()))
    else:
        for name, make in TABLES.items():
            print(f"{name}\n{make()}\n")
