"""A WebSocket client that hides nothing: heads as they were sent, single frames, the way a connection ends."""

from __future__ import annotations

import base64
import os
import socket
import ssl
import struct
from dataclasses import dataclass
from urllib.parse import urlsplit

OPCODES = {"continuation": 0, "text": 1, "binary": 2, "reserved": 3, "close": 8, "ping": 9, "pong": 10}
NAMES = {number: name for name, number in OPCODES.items()}
CONNECT_SECONDS = 60


class Ended(Exception):
    """The connection has ended; the message says how."""


@dataclass
class Response:
    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, wanted: str) -> str | None:
        return next((value for name, value in self.headers if name.lower() == wanted.lower()), None)


@dataclass
class Frame:
    opcode: str
    payload: bytes
    is_final: bool


class Stream:
    """Bytes to and from a server, with TLS if its URL says so."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        is_secure = parts.scheme in ("wss", "https")
        self.host = parts.netloc
        address = (parts.hostname, parts.port or (443 if is_secure else 80))
        self._socket = socket.create_connection(address, CONNECT_SECONDS)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if is_secure:
            context = ssl.create_default_context()
            self._socket = context.wrap_socket(self._socket, server_hostname=parts.hostname)
        self._read = b""

    def send(self, data: bytes) -> None:
        try:
            self._socket.sendall(data)
        except OSError as error:
            raise Ended(f"broken: {error}") from error

    def receive(self, size: int) -> bytes:
        while len(self._read) < size:
            self._more()
        found, self._read = self._read[:size], self._read[size:]
        return found

    def receive_until(self, end: bytes) -> bytes:
        while end not in self._read:
            self._more()
        found, self._read = self._read.split(end, 1)
        return found

    def receive_rest(self) -> bytes:
        try:
            while True:
                self._more()
        except Ended:
            found, self._read = self._read, b""
            return found

    def _more(self) -> None:
        try:
            more = self._socket.recv(65536)
        except TimeoutError:
            raise
        except OSError as error:
            raise Ended(f"broken: {error}") from error
        if not more:
            raise Ended("the end of the stream")
        self._read += more

    def wait_at_most(self, seconds: float) -> None:
        self._socket.settimeout(seconds)

    def close(self) -> None:
        self._socket.close()


def exchange(stream: Stream, method: str, target: str, headers: list[tuple[str, str]], body: bytes = b"") -> Response:
    """Sends a request and reads its response."""
    head = [f"{method} {target} HTTP/1.1"] + [f"{name}: {value}" for name, value in headers]
    stream.send("\r\n".join(head).encode() + b"\r\n\r\n" + body)
    status, *lines = stream.receive_until(b"\r\n\r\n").decode("latin-1").split("\r\n")
    response = Response(int(status.split(" ", 2)[1]), [tuple(line.split(": ", 1)) for line in lines if ": " in line], b"")
    if response.status in (101, 204, 304):
        return response
    length = response.header("content-length")
    if length is not None:
        response.body = stream.receive(int(length))
    elif response.header("transfer-encoding") == "chunked":
        while size := int(stream.receive_until(b"\r\n"), 16):
            response.body += stream.receive(size)
            stream.receive_until(b"\r\n")
        stream.receive_until(b"\r\n")
    else:
        response.body = stream.receive_rest()
    return response


class WebSocket:
    """One connection: the handshake's response, then frames."""

    def __init__(self, url: str, headers: dict[str, str]) -> None:
        parts = urlsplit(url)
        self._stream = Stream(url)
        key = base64.b64encode(os.urandom(16)).decode()
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        handshake = [
            ("Host", self._stream.host),
            ("Connection", "Upgrade"),
            ("Upgrade", "websocket"),
            ("Sec-WebSocket-Version", "13"),
            ("Sec-WebSocket-Key", key),
        ]
        self.response = exchange(self._stream, "GET", target, handshake + list(headers.items()))
        self._has_closed = False

    def send(self, opcode: str, payload: bytes, is_final: bool = True) -> None:
        length = len(payload)
        if length < 126:
            head = struct.pack("!BB", is_final << 7 | OPCODES[opcode], 0x80 | length)
        elif length < 65536:
            head = struct.pack("!BBH", is_final << 7 | OPCODES[opcode], 0x80 | 126, length)
        else:
            head = struct.pack("!BBQ", is_final << 7 | OPCODES[opcode], 0x80 | 127, length)
        self._has_closed |= opcode == "close"
        # A mask of zeros: the payload is sent as it is.
        self._stream.send(head + bytes(4) + payload)

    def receive(self, seconds: float) -> Frame:
        """Returns the next frame, or raises `TimeoutError`, or `Ended`."""
        self._stream.wait_at_most(seconds)
        first, second = self._stream.receive(2)
        self._stream.wait_at_most(CONNECT_SECONDS)
        length = second & 0x7F
        if length == 126:
            (length,) = struct.unpack("!H", self._stream.receive(2))
        elif length == 127:
            (length,) = struct.unpack("!Q", self._stream.receive(8))
        frame = Frame(NAMES.get(first & 0x0F, str(first & 0x0F)), self._stream.receive(length), bool(first & 0x80))
        if frame.opcode == "close" and not self._has_closed:
            self.send("close", frame.payload[:2])
        return frame

    def hang_up(self) -> None:
        """Ends the TCP connection without a close frame."""
        self._stream.close()


def call(url: str, method: str, headers: list[tuple[str, str]], body: bytes) -> Response:
    """Makes one HTTP request on a connection of its own. The URL's path is sent as it is."""
    stream = Stream(url)
    try:
        parts = urlsplit(url)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        own = [("Host", stream.host), ("Connection", "close"), ("Content-Length", str(len(body)))]
        return exchange(stream, method, target, own + headers, body)
    finally:
        stream.close()
