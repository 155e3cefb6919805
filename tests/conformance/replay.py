"""Plays one transcript against a target, step by step."""

from __future__ import annotations

import json
import re
import time
import urllib.parse
import uuid
from dataclasses import dataclass, field
from typing import Any

from client import Ended, Frame, Response, Stream, WebSocket, call, exchange
from expect import Mismatch, check, check_members
from targets.target import NotHere, Target
from transcript import Transcript

# Longer than anything that is expected takes.
PATIENCE = 40
# How long something that is recorded has time to happen.
RECORD_SECONDS = 5


@dataclass
class Result:
    """`passed` is None if nothing was to be judged: what is unknown was recorded, or the target cannot do it."""

    transcript: Transcript
    passed: bool | None
    why: str = ""
    observed: list[str] = field(default_factory=list)


def play(transcript: Transcript, target: Target) -> Result:
    replay = Replay(transcript, target)
    number = 0
    try:
        for number, step in enumerate(transcript.steps, 1):
            replay.step(step)
    except NotHere as error:
        return Result(transcript, None, str(error))
    except (Mismatch, Ended, TimeoutError, OSError, ValueError) as error:
        why = f"step {number}: {error or 'nothing came in time'}"
        return Result(transcript, None if transcript.known == "unknown" else False, why, replay.observed)
    finally:
        replay.end()
    return Result(transcript, None if transcript.known == "unknown" else True, "", replay.observed)


class Replay:
    def __init__(self, transcript: Transcript, target: Target) -> None:
        self._target = target
        self._api = transcript.api
        self._run = uuid.uuid4().hex
        self._sockets: dict[str, WebSocket] = {}
        self._ids: dict[str, str] = {}
        self._seen: set[int] = set()
        self.observed: list[str] = []

    def step(self, step: dict[str, Any]) -> None:
        for verb in ("connect", "request", "say", "frames", "receive", "event", "no_event", "call", "hang_up", "sleep"):
            if verb in step:
                getattr(self, f"_{verb}")(step)

    def end(self) -> None:
        for socket in self._sockets.values():
            socket.hang_up()

    def _url(self, step: dict[str, Any]) -> str:
        url = self._target.url(self._api)
        if "stage" in step:
            url = url.rsplit("/", 1)[0] + "/" + step["stage"]
        return url + step.get("path", "")

    def _connect(self, step: dict[str, Any]) -> None:
        name = step["connect"]
        # By this the events of the connection are found again.
        query = {"run": f"{self._run}-{name}", **step.get("query", {})}
        query |= {"padding": "x" * step["padding"]} if "padding" in step else {}
        query |= {key: json.dumps(step[key]) for key in ("orders", "auth") if key in step}
        headers = dict(step.get("headers", {}))
        if self._api == "guarded" and step.get("token", True):
            headers.setdefault("X-Token", "let me in")
        started = time.monotonic()
        socket = WebSocket(f"{self._url(step)}?{urllib.parse.urlencode(query)}", headers)
        self._sockets[name] = socket
        self._judge(step, socket.response, time.monotonic() - started, {"status": 101})

    def _request(self, step: dict[str, Any]) -> None:
        url = self._url(step)
        stream = Stream(url)
        try:
            target = urllib.parse.urlsplit(url).path
            response = exchange(stream, step["request"], target, [("Host", stream.host), ("Connection", "close")])
        finally:
            stream.close()
        self._judge(step, response, 0, {})

    def _call(self, step: dict[str, Any]) -> None:
        id = step["id"] if "id" in step else self._id(step.get("on", "client"))
        url = self._target.management_url(self._api)
        if "stage" in step:
            url = url.rsplit("/", 1)[0] + "/" + step["stage"]
        url += "/%40connections/" + urllib.parse.quote(id, safe="")
        body = bytes.fromhex(step["hex"]) if "hex" in step else step.get("body", "").encode() * step.get("repeat", 1)
        headers = []
        if step.get("signed", True):
            headers = self._target.signature(step["call"], url, body, step.get("as", "caller"))
        self._judge(step, call(url, step["call"], headers, body), 0, {})

    def _judge(self, step: dict[str, Any], response: Response, seconds: float, default: dict[str, Any]) -> None:
        if step.get("record"):
            self.observed.append(self._response_text(response))
            return
        expected = self._known(step.get("expect", default))
        if "status" in expected:
            pattern = expected["status"]
            check("the status", pattern, str(response.status) if isinstance(pattern, str) else response.status)
        for name, pattern in expected.get("headers", {}).items():
            found = response.header(name)
            if found is None:
                raise Mismatch(f"the response has no header {name}")
            check(name, pattern, found)
        for name in expected.get("lacks_headers", []):
            if response.header(name) is not None:
                raise Mismatch(f"the response has the header {name}: {response.header(name)}")
        if "body" in expected:
            check("the body", expected["body"], response.body.decode())
        if seconds < expected.get("at_least_seconds", 0):
            raise Mismatch(f"the response came after {seconds:.1f} s")

    def _say(self, step: dict[str, Any]) -> None:
        text = step["say"] if isinstance(step["say"], str) else json.dumps(step["say"])
        self._socket(step).send("text", text.encode())

    def _frames(self, step: dict[str, Any]) -> None:
        socket = self._socket(step)
        for frame in step["frames"]:
            payload = bytes.fromhex(frame["hex"]) if "hex" in frame else frame.get("payload", "").encode()
            try:
                socket.send(frame["opcode"], payload * frame.get("repeat", 1), frame.get("final", True))
            except Ended:
                # The server did not want to see all of it. What it says to that is read next.
                break

    def _receive(self, step: dict[str, Any]) -> None:
        socket = self._socket(step)
        if step.get("record"):
            self.observed.append(self._next_text(socket))
            return
        expected = self._known(step["receive"])
        if "nothing" in expected:
            try:
                frame = socket.receive(expected["nothing"])
            except TimeoutError:
                return
            raise Mismatch(f"there is a frame: {frame_text(frame)}")
        frames = [socket.receive(expected.get("within", PATIENCE))]
        while not frames[-1].is_final:
            frames.append(socket.receive(PATIENCE))
        first, payload = frames[0], b"".join(frame.payload for frame in frames)
        if "close" in expected:
            code = int.from_bytes(payload[:2], "big") if first.opcode == "close" and payload else None
            if code != expected["close"]:
                raise Mismatch(f"the frame is {frame_text(first)}, not a close frame with {expected['close']}")
            if "reason" in expected:
                check("the reason", expected["reason"], payload[2:].decode())
            return
        check("the kind of frame", expected.get("opcode", "text"), first.opcode)
        if "text" in expected:
            check("the message", expected["text"], payload.decode())
        if "lengths" in expected:
            check("the list of the frames' lengths", expected["lengths"], [len(frame.payload) for frame in frames])

    def _event(self, step: dict[str, Any]) -> None:
        kind, name = step["event"], step.get("by", "client")
        if step.get("record"):
            found = self._find(kind, name, self._target.event_seconds)
            self.observed.append(f"{kind}: {self._event_text(found, step.get('has', []))}")
            return
        found = self._find(kind, name, PATIENCE + self._target.event_seconds)
        if found is None:
            raise Mismatch(f"the function saw no {kind}")
        check_members(f"the {kind} event", self._known(step.get("has", {})), step.get("lacks", []), found)

    def _no_event(self, step: dict[str, Any]) -> None:
        if self._find(step["no_event"], step.get("by", "client"), self._target.event_seconds) is not None:
            raise Mismatch(f"the function saw a {step['no_event']} event")

    def _hang_up(self, step: dict[str, Any]) -> None:
        self._sockets[step["hang_up"]].hang_up()

    def _sleep(self, step: dict[str, Any]) -> None:
        time.sleep(step["sleep"])

    def _socket(self, step: dict[str, Any]) -> WebSocket:
        return self._sockets[step.get("by", "client")]

    def _id(self, name: str) -> str:
        """The id of a connection, as its first event said it."""
        if name not in self._ids:
            deadline = time.monotonic() + PATIENCE + self._target.event_seconds
            while name not in self._ids:
                for event in self._target.events():
                    query = event.get("queryStringParameters") or {}
                    if query.get("run") == f"{self._run}-{name}":
                        self._ids[name] = event["requestContext"]["connectionId"]
                if time.monotonic() > deadline:
                    raise Mismatch("the function saw no event of the connection")
                time.sleep(0.02)
        return self._ids[name]

    def _find(self, kind: str, name: str, seconds: float) -> dict[str, Any] | None:
        """The first event of this kind that was not asked for yet."""
        id = self._id(name) if kind != "AUTHORIZER" else None
        deadline = time.monotonic() + seconds
        while True:
            for number, event in enumerate(self._target.events()):
                context = event["requestContext"]
                found = "AUTHORIZER" if event.get("type") == "REQUEST" else context.get("eventType")
                if found != kind or number in self._seen:
                    continue
                run = (event.get("queryStringParameters") or {}).get("run")
                if context.get("connectionId") == id or run == f"{self._run}-{name}":
                    self._seen.add(number)
                    return event
            if time.monotonic() > deadline:
                return None
            time.sleep(0.02)

    def _known(self, expected: Any) -> Any:
        """Puts ids in the places of `$name`."""
        if isinstance(expected, dict):
            return {key: self._known(value) for key, value in expected.items()}
        if isinstance(expected, str):
            quote = re.escape if expected.startswith("~") else str
            for name in self._sockets:
                if f"${{{name}}}" in expected:
                    expected = expected.replace(f"${{{name}}}", quote(self._id(name)))
        return expected

    def _next_text(self, socket: WebSocket) -> str:
        """What comes next, with its parts that are of this run alone left out."""
        try:
            frames = [socket.receive(RECORD_SECONDS)]
            while not frames[-1].is_final:
                frames.append(socket.receive(RECORD_SECONDS))
        except TimeoutError:
            return "nothing"
        except Ended as error:
            return str(error)
        whole = Frame(frames[0].opcode, b"".join(frame.payload for frame in frames), True)
        return self._masked(frame_text(whole))

    def _response_text(self, response: Response) -> str:
        kind = response.header("x-amzn-errortype")
        text = f"{response.status}" + (f" {kind}" if kind else "")
        return self._masked(text + (f" {response.body.decode(errors='replace')}" if response.body else ""))

    def _event_text(self, event: dict[str, Any] | None, paths: list[str]) -> str:
        if event is None:
            return "none"
        parts = []
        for path in paths:
            value: Any = event
            for name in path.split("."):
                value = value.get(name) if isinstance(value, dict) else None
            parts.append(f"{path.rsplit('.', 1)[-1]} {json.dumps(value)}")
        return self._masked(", ".join(parts) or "there is one")

    def _masked(self, text: str) -> str:
        for id in self._ids.values():
            text = text.replace(id, "…")
        text = re.sub(r'("(?:requestId|connectionId)":\s*)"[^"]*"', r'\1"…"', text)
        return re.sub(r"\s+", " ", text)


def frame_text(frame: Frame) -> str:
    payload = frame.payload
    if frame.opcode == "close":
        return f"close {int.from_bytes(payload[:2], 'big')} {payload[2:].decode(errors='replace')!r}" if payload else "close"
    if frame.opcode == "binary":
        return f"binary {payload.hex()}"
    text = payload.decode(errors="replace")
    return f"{frame.opcode} {text if len(text) <= 200 else f'of {len(text)} characters'!r}"
