"""What the runner needs of an API Gateway: three WebSocket APIs in front of the echo function.

    open      $connect, $disconnect, $default, silent; reply with a route response
    guarded   the same, with the echo function as its REQUEST authorizer: route.request.header.X-Token
    bare      $connect and reply with route responses, no $default; the route is selected by $request.body.x-action
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

FUNCTION = Path(__file__).parents[1] / "function"
SELECTION = {"open": "$request.body.action", "guarded": "$request.body.action", "bare": "$request.body.x-action"}
ROUTES = {
    "open": ["$connect", "$disconnect", "$default", "silent"],
    "guarded": ["$connect", "$disconnect", "$default", "silent"],
    "bare": ["$disconnect"],
}
ROUTES_WITH_RESPONSE = {"open": ["reply"], "guarded": ["reply"], "bare": ["$connect", "reply"]}
IDENTITY_SOURCE = "route.request.header.X-Token"
# A function may take longer than API Gateway waits for it.
FUNCTION_SECONDS = 40


class NotHere(Exception):
    """The target cannot do this; the message says why."""


class Target(Protocol):
    name: str
    # How long an event may take until the runner sees it, beyond the time until the function has seen it.
    event_seconds: float

    def url(self, api: str) -> str:
        """The URL of clients: ws or wss, with the stage."""

    def management_url(self, api: str) -> str:
        """The URL that `/@connections` follows: http or https."""

    def events(self) -> list[dict[str, Any]]:
        """All events that the function has seen so far."""

    def signature(self, method: str, url: str, body: bytes, caller: str) -> list[tuple[str, str]]:
        """The headers that sign a request. `caller` is `caller`, or `denied` who must not do anything."""

    def stop(self) -> None:
        """Ends what was started."""
