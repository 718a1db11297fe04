"""The short way through a socket's bytes says the same as the parser of websockets, however the bytes arrive."""

import asyncio
import struct
from typing import Any

import pytest
import uvicorn
from hypothesis import given, settings
from hypothesis import strategies as st
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState
from websockets.frames import Frame, Opcode

from stepwire.server.framing import Framing

REQUEST = (
    b"GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
LARGEST = 70_000


class Transport(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.is_closed = False

    def write(self, data: Any) -> None:
        self.written += bytes(data)

    def close(self) -> None:
        self.is_closed = True

    def is_closing(self) -> bool:
        return self.is_closed

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass


class Accept:
    """Opens the socket and leaves what comes in its queue."""

    def __init__(self) -> None:
        self.accepted = asyncio.Event()
        self.done = asyncio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        self.accepted.set()
        await self.done.wait()


def heard(kind: type[WebSocketsSansIOProtocol], chunks: list[bytes], early: bytes = b"") -> tuple[Any, ...]:
    """What the application is told, what is answered, and whether the socket is closed at the end."""

    async def run() -> tuple[Any, ...]:
        app = Accept()
        config = uvicorn.Config(
            app, interface="asgi3", ws_max_size=LARGEST, ws_per_message_deflate=False, log_config=None
        )
        config.load()
        transport, state = Transport(), ServerState()
        socket = kind(config=config, server_state=state, app_state={})
        socket.connection_made(transport)
        socket.data_received(REQUEST)
        if early:
            socket.data_received(early)
        await app.accepted.wait()
        for chunk in chunks:
            if not transport.is_closed:
                socket.data_received(chunk)
        told, is_closed = [], transport.is_closed
        while not socket.queue.empty():
            told.append(socket.queue.get_nowait())
        app.done.set()
        await asyncio.gather(*state.tasks)
        return told, transport.written.split(b"\r\n\r\n", 1)[1], is_closed

    return asyncio.run(run())


def payload(size: int) -> bytes:
    return bytes(range(256)) * (size // 256) + bytes(range(size % 256))


def frame(opcode: Opcode, data: bytes, *, fin: bool = True) -> bytes:
    return Frame(opcode, data, fin).serialize(mask=True)


KINDS = {
    "binary": lambda size: frame(Opcode.BINARY, payload(size)),
    "text": lambda size: frame(Opcode.TEXT, b"t" * size),
    "ping": lambda size: frame(Opcode.PING, payload(min(size, 125))),
    "pieces": lambda size: (
        frame(Opcode.BINARY, payload(min(size, LARGEST - 3)), fin=False) + frame(Opcode.CONT, b"end")
    ),
}
RARE = {
    "too large": frame(Opcode.BINARY, payload(LARGEST + 1)),
    "no mask": Frame(Opcode.BINARY, b"no mask").serialize(mask=False),
    "no mask, empty": Frame(Opcode.BINARY, b"").serialize(mask=False),
    "close": frame(Opcode.CLOSE, struct.pack("!H", 1000)),
    "a piece of nothing": frame(Opcode.CONT, b"of nothing"),
    "an extension": b"\xc2\x81" + bytes(5),
    "no opcode": b"\x83\x80" + bytes(4),
    "a message within another": frame(Opcode.BINARY, b"begun", fin=False) + frame(Opcode.BINARY, b"another"),
    "a length over 63 bits": b"\x82\xff\xff" + bytes(20),
}
frames = st.tuples(
    st.sampled_from(["binary", "binary", "binary", *KINDS]),
    st.integers(0, 300) | st.sampled_from([125, 126, 65_535, 65_536, LARGEST]),
)


@settings(max_examples=300, deadline=None)
@given(
    messages=st.lists(frames, max_size=8),
    last=st.none() | st.sampled_from(list(RARE)),
    after=st.lists(frames, max_size=2),
    cuts=st.lists(st.floats(0, 1), max_size=8),
)
def test_it_says_what_the_parser_says(
    messages: list[tuple[str, int]], last: str | None, after: list[tuple[str, int]], cuts: list[float]
) -> None:
    """Any frames, cut anywhere; also those that break the protocol, and what follows them."""
    before = [KINDS[kind](size) for kind, size in messages if last is None or kind != "pieces"]
    behind = [KINDS[kind](size) for kind, size in after]
    whole = [*before, *([RARE[last]] if last else []), *behind]
    data = b"".join(whole)
    places = sorted(int(cut * len(data)) for cut in cuts)
    chunks = [data[begin:end] for begin, end in zip([0, *places], [*places, len(data)], strict=True) if end > begin]
    # One frame at a time: the parser forgets messages that came together with what breaks the protocol.
    assert heard(Framing, chunks) == heard(WebSocketsSansIOProtocol, whole)


@pytest.mark.parametrize("cut", [0, 1, 3, 20])
def test_who_does_not_wait_for_the_answer_is_understood(cut: int) -> None:
    """Half a message that comes before the socket is open is ended after it."""
    data = frame(Opcode.BINARY, b"a message of some length")
    told, _, _ = heard(Framing, [data[cut:], data], data[:cut])
    assert [message["bytes"] for message in told] == [b"a message of some length"] * 2


def test_every_byte_alone() -> None:
    """As slow as it gets."""
    data = frame(Opcode.BINARY, b"x" * 300) + frame(Opcode.PING, b"p") + frame(Opcode.BINARY, b"")
    chunks = [data[at : at + 1] for at in range(len(data))]
    told, answered, is_closed = heard(Framing, chunks)
    assert [message["bytes"] for message in told] == [b"x" * 300, b""]
    assert (answered, is_closed) == (Frame(Opcode.PONG, b"p").serialize(mask=False), False)
