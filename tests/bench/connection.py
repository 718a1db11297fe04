"""A training script's socket, by hand: docs/websocket.md with as little work per frame as possible.

The load must not cost more than what it measures, so frames are built before the clock runs and leave as they are.
"""

import base64
import os
import socket
import struct
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import msgspec

BINARY, CLOSE, PING, PONG = 2, 8, 9, 10
_READ_BYTES = 1 << 20

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder().decode


class RefusedError(Exception):
    """The server did not take something."""


def masked(payload: bytes, opcode: int = BINARY) -> bytes:
    """A client's frame. The mask is zero: allowed, undone by the server all the same, and free for the client."""
    size = len(payload)
    if size < 126:
        head = struct.pack(">BB", 0x80 | opcode, 0x80 | size)
    elif size < 1 << 16:
        head = struct.pack(">BBH", 0x80 | opcode, 0x80 | 126, size)
    else:
        head = struct.pack(">BBQ", 0x80 | opcode, 0x80 | 127, size)
    return head + bytes(4) + payload


class Connection:
    """One open socket. ``hello`` makes it a script's."""

    def __init__(self, url: str) -> None:
        address = urlsplit(url)
        self._socket = socket.create_connection((address.hostname, address.port), timeout=60)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._arrived = bytearray()
        self._upgrade(address.netloc)

    def hello(self, run_id: str, **fields: Any) -> dict[str, Any]:
        """Open a stream of this process; returns the welcome."""
        writer_id = f"w{os.getpid()}-{os.urandom(8).hex()}"
        self.say({"type": "hello", "run_id": run_id, "writer_id": writer_id, "proto": [1], **fields})
        while True:
            for message in self.messages(10):
                if message["type"] == "welcome":
                    return message
                raise RefusedError(str(message))

    def say(self, message: dict[str, Any]) -> None:
        """Send one message."""
        self.send(masked(_encode(message)))

    def send(self, frames: "bytes | memoryview") -> None:
        """Send ready frames; waits while the server does not read."""
        self._socket.settimeout(60)
        self._socket.sendall(frames)

    def messages(self, seconds: float) -> list[dict[str, Any]]:
        """What has arrived, after at most ``seconds`` of waiting for the first byte. Pings are answered."""
        self._receive(seconds)
        found = []
        for opcode, payload in self._frames():
            if opcode == CLOSE:
                raise RefusedError(f"closed by the server: {payload[2:].decode(errors='replace')}")
            if opcode == PING:
                self.send(masked(payload, PONG))
            if opcode != BINARY:
                continue
            message = _decode(payload)
            if message["type"] == "ping":
                self.say({"type": "pong"})
            else:
                found.append(message)
        return found

    def leave(self, final_seq: int) -> None:
        """Say goodbye and close."""
        self.say({"type": "bye", "final_seq": final_seq})
        self.send(masked(struct.pack(">H", 1000), CLOSE))
        self._socket.close()

    def _upgrade(self, host: str) -> None:
        key = base64.b64encode(os.urandom(16)).decode()
        self._socket.sendall(
            f"GET /ws HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        while (end := self._arrived.find(b"\r\n\r\n")) < 0:
            self._receive(10)
        status = bytes(self._arrived[: self._arrived.index(b"\r\n")])
        if b" 101 " not in status:
            raise RefusedError(f"no upgrade: {status.decode()}")
        del self._arrived[: end + 4]

    def _receive(self, seconds: float) -> None:
        self._socket.settimeout(max(seconds, 0))
        try:
            data = self._socket.recv(_READ_BYTES)
        except (TimeoutError, BlockingIOError):
            return
        if not data:
            raise RefusedError("the server ended the connection")
        self._arrived += data

    def _frames(self) -> Iterator[tuple[int, bytes]]:
        """The whole frames that are here; the server does not mask and does not cut."""
        data, at = self._arrived, 0
        while len(data) >= at + 2:
            size, head = data[at + 1] & 0x7F, 2
            if size == 126:
                size, head = int.from_bytes(data[at + 2 : at + 4], "big"), 4
            elif size == 127:
                size, head = int.from_bytes(data[at + 2 : at + 10], "big"), 10
            if len(data) < at + head + size:
                break
            yield data[at] & 0x0F, bytes(data[at + head : at + head + size])
            at += head + size
        del data[:at]
