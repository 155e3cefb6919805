"""What a stranger can cause by sending events: metrics of AWS and lines in the logs. None of it may wake anybody.

A stranger has no valid token: each $connect of theirs is refused, and a connection that was theirs expires.
"""

import json

# Counted by AWS for each refusal, whichever function refuses. Lambda's Errors is one of them for the authorizer only.
METRICS = {"IntegrationError", "ClientError", "4XXError", "4xx", "Refusals", "RefusalsByReason"}

_SPAN = {"requestId": "8d5c", "name": "Lambda runtime invoke"}


def line(level: str, target: str, message: str, **fields: object) -> str:
    """A line as the functions write it (tracing-subscriber, JSON, flattened)."""
    stamp = {"timestamp": "2026-11-25T06:29:51.824157Z", "level": level, "message": message}
    return json.dumps({**stamp, **fields, "target": target, "span": _SPAN, "spans": [_SPAN]})


def platform(kind: str, status: str, **record: object) -> str:
    """A line that Lambda writes in the log of a function (log_format JSON)."""
    record = {"requestId": "8d5c", "metrics": {"durationMs": 1.9}, "status": status, **record}
    return json.dumps({"time": "2026-11-25T06:29:51.826Z", "type": f"platform.{kind}", "record": record})


def access(status: str, **fields: object) -> str:
    """A line of the access log."""
    return json.dumps({"requestId": "r=", "eventType": "CONNECT", "routeKey": "$connect", "status": status, **fields})


REFUSED = [
    line("WARN", "room_auth", "refused", reason=reason, connection_id="c=", route=route)
    for reason, route in (("malformed", "$connect"), ("signature", "$connect"), ("expired", "send"), ("unknown_connection", "send"))
]
# What the authorizer's refusal looks like from outside of it. The type is `unhandled` in what lambda_runtime sends,
# and Lambda makes its own of what it does not know.
AUTHORIZER_REFUSED = [
    line("ERROR", "lambda_runtime::layers::panic", "Unauthorized"),
    *(platform("report", "error", errorType=kind) for kind in ("Runtime.Unknown", "Function.Unknown", "unhandled", "Unauthorized")),
    platform("report", "error"),
    platform("runtimeDone", "error", errorType="Runtime.Unknown"),
    access("401", authorizerError="Unauthorized"),
]
ORDINARY = [
    platform("report", "success"),
    platform("initReport", "success", initializationType="on-demand"),
    line("INFO", "room_auth", "authenticated", room_id="lobby", connection_id="c=", route="$connect"),
    line("WARN", "room_auth", "a connection was not closed", error="the connection is gone"),
    line("WARN", "chat", "not everybody was reached", undelivered=1),
    *(access(status) for status in ("101", "200", "400", "401", "403", "404", "410", "413", "429")),
]
LINES = [*REFUSED, *AUTHORIZER_REFUSED, *ORDINARY]
