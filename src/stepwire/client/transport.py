"""How frames travel between script and server."""

import selectors
import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol

from stepwire.protocol import MAX_FRAME_BYTES

if TYPE_CHECKING:
    from websockets.client import ClientProtocol

CONNECT_SECONDS = 10.0
_READ_BYTES = 64 * 1024
_EXTRA_BYTES = 64 * 1024  # what a frame's envelope may add to MAX_FRAME_BYTES


class Transport(Protocol):
    """One connection at a time to the server. All but ``wake`` belongs to the sender's thread."""

    def open(self) -> None:
        """Connect. Raises OSError when nobody answers or the answer is a refusal."""

    def send(self, frame: bytes) -> None:
        """Send one binary frame, or queue what the network does not take at once. Raises OSError."""

    def wait(self, seconds: float) -> list[bytes]:
        """Return the frames that came; wait for one, for ``wake`` or for the time to pass.

        Works without a connection, too: then it only waits. Raises OSError when the connection is lost.
        """

    def wake(self) -> None:
        """End a ``wait``, from any thread or signal handler. Never blocks."""

    def close(self) -> None:
        """End the connection, if any. Never blocks."""

    def after_fork(self) -> None:
        """Forget the parent's connection without a word on it."""


class RefusedError(ConnectionError):
    """The server answered the connection attempt, and not by accepting it."""


class WebSocketTransport:
    """The server's ``/ws``, by the protocol core of ``websockets`` on one non-blocking socket.

    No thread of its own, and no call that blocks but ``open``: it also works while the interpreter shuts
    down, when Python starts no more threads, and a server that reads nothing cannot hold the sender.

    Args:
        url: ``ws://`` or ``wss://`` address.
        api_key: Sent as ``Authorization: Bearer``.
    """

    def __init__(self, url: str, api_key: str | None = None) -> None:
        self._url = url
        self._api_key = api_key
        self._socket: socket.socket | None = None
        self._protocol: ClientProtocol | None = None
        self._outgoing = bytearray()
        self._message: list[bytes] = []
        self._make_waker()

    def _make_waker(self) -> None:
        self._wake_in, self._wake_out = socket.socketpair()
        self._wake_in.setblocking(False)
        self._wake_out.setblocking(False)

    def open(self) -> None:
        """Connect and shake hands, within ``CONNECT_SECONDS``. Proxies of the environment are not used."""
        from websockets.client import ClientProtocol
        from websockets.uri import parse_uri

        self.close()
        uri = parse_uri(self._url)
        self._protocol = ClientProtocol(uri, max_size=MAX_FRAME_BYTES + _EXTRA_BYTES)
        self._socket = _connect(uri.host, uri.port, secure=uri.secure)
        request = self._protocol.connect()
        if self._api_key:
            request.headers["Authorization"] = f"Bearer {self._api_key}"
        self._protocol.send_request(request)
        self._socket.sendall(b"".join(self._protocol.data_to_send()))
        self._shake_hands(self._protocol, self._socket)
        self._socket.setblocking(False)

    def _shake_hands(self, protocol: "ClientProtocol", connected: socket.socket) -> None:
        from websockets.exceptions import InvalidStatus
        from websockets.protocol import CONNECTING

        while protocol.state is CONNECTING and protocol.handshake_exc is None:
            data = connected.recv(_READ_BYTES)
            if not data:
                raise ConnectionResetError("the server hung up during the handshake")
            protocol.receive_data(data)
            self._early = protocol.events_received()[1:]
        if isinstance(protocol.handshake_exc, InvalidStatus):
            raise RefusedError(_refusal(protocol.handshake_exc.response.status_code)) from protocol.handshake_exc
        if protocol.handshake_exc is not None:
            raise RefusedError(str(protocol.handshake_exc)) from protocol.handshake_exc

    def send(self, frame: bytes) -> None:
        """Queue one binary frame and send what the network takes."""
        if self._protocol is None:
            raise ConnectionError("not connected")
        self._protocol.send_binary(frame)
        self._queue()
        self._flush()

    def wait(self, seconds: float) -> list[bytes]:
        """Return the frames that came; see ``Transport.wait``."""
        with _Selector() as selector:
            selector.register(self._wake_in, selectors.EVENT_READ)
            if self._socket is not None:
                write = selectors.EVENT_WRITE if self._outgoing else 0
                selector.register(self._socket, selectors.EVENT_READ | write)
            ready = {key.fileobj: mask for key, mask in selector.select(max(seconds, 0))}
        if self._wake_in in ready:
            self._drain_waker()
        mask = ready.get(self._socket, 0) if self._socket is not None else 0
        if mask & selectors.EVENT_WRITE:
            self._flush()
        return self._read() if mask & selectors.EVENT_READ else []

    def wake(self) -> None:
        """End a ``wait``."""
        with suppress(OSError):  # full: it wakes anyway; closed: nobody waits any more
            self._wake_out.send(b"\0")

    def close(self) -> None:
        """Say goodbye as far as the network takes it at once, and close the socket."""
        if self._protocol is not None and self._socket is not None:
            with suppress(OSError, Exception):
                self._protocol.send_close(1000)
                self._queue()
                self._flush()
        self._forget()

    def after_fork(self) -> None:
        """Close this process's copies of the parent's descriptors; the parent's connection lives on."""
        self._forget()
        self._wake_in.close()
        self._wake_out.close()
        self._make_waker()

    def _forget(self) -> None:
        if self._socket is not None:
            self._socket.close()
        self._socket = self._protocol = None
        self._outgoing.clear()
        self._message.clear()

    def _drain_waker(self) -> None:
        with suppress(BlockingIOError):
            while self._wake_in.recv(_READ_BYTES):
                pass

    def _queue(self) -> None:
        assert self._protocol is not None
        for data in self._protocol.data_to_send():
            self._outgoing += data

    def _flush(self) -> None:
        assert self._socket is not None
        with suppress(*_would_block()):
            while self._outgoing:
                del self._outgoing[: self._socket.send(self._outgoing)]
