"""How frames travel between script and server."""

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol, cast

from stepwire.client.imports import load
from stepwire.limits import MAX_FRAME_BYTES

if TYPE_CHECKING:
    import socket

    from websockets.client import ClientProtocol
    from websockets.frames import Frame

CONNECT_SECONDS = 10.0
_BLIND_SECONDS = 0.1  # a wait that nothing can end
_READ_BYTES = 64 * 1024
_EXTRA_BYTES = 64 * 1024  # what a frame's envelope may add to MAX_FRAME_BYTES

_DATA_OPCODES = frozenset({0, 1, 2})  # continuation, text, binary (RFC 6455)


def check_transport(value: object) -> None:
    """Raise TypeError unless ``value`` can carry frames: what has no such method would fail in the sender's thread."""
    for name in ("open", "send", "wait", "wake", "close", "release", "after_fork"):
        if value is not None and not callable(getattr(value, name, None)):
            raise TypeError(f"transport must be a Transport; {type(value).__name__} has no method {name}")


class Transport(Protocol):
    """One connection at a time to the server. All but ``wake`` belongs to the sender's thread."""

    def open(self) -> None:
        """Connect. Raises OSError when nobody answers or the answer is a refusal."""

    def send(self, frame: bytes) -> None:
        """Send one binary frame, or queue what the network does not take at once. Raises OSError."""

    def wait(self, seconds: float, *, heeds: bool = True) -> list[bytes]:
        """Return the frames that came; wait for one, for ``wake`` or for the time to pass.

        Works without a connection, too: then it only waits. Raises OSError when the connection is lost.

        Args:
            heeds: Whether a frame ends the wait; else those that came are there at its end.
        """

    def wake(self) -> None:
        """End a ``wait``, from any thread or signal handler. Never blocks."""

    def close(self) -> None:
        """End the connection, if any. Never blocks."""

    def release(self) -> None:
        """Give back all that is held; the transport is not used afterwards, but ``wake`` stays harmless."""

    def after_fork(self) -> None:
        """Forget the parent's connection without a word on it."""


class NullTransport:
    """Reaches nobody: the transport of ``mode="disabled"``, whose outbox never has anything to send."""

    def open(self) -> None:
        """Refuse."""
        raise ConnectionRefusedError("this run is disabled")

    def send(self, frame: bytes) -> None:
        """Refuse."""
        raise ConnectionRefusedError("this run is disabled")

    def wait(self, seconds: float, *, heeds: bool = True) -> list[bytes]:
        """Wait in vain."""
        time.sleep(seconds)
        return []

    def wake(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""

    def release(self) -> None:
        """Do nothing."""

    def after_fork(self) -> None:
        """Do nothing."""


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
        self.url = self._url = url
        self._api_key = api_key
        self._socket: socket.socket | None = None
        self._protocol: ClientProtocol | None = None
        self._outgoing = bytearray()
        self._message = bytearray()
        self._arrived: list[bytes] = []
        self._would_block: tuple[type[OSError], ...] = (BlockingIOError,)
        self._is_secure = False
        self._wake_in: socket.socket | None = None
        self._wake_out: socket.socket | None = None

    def _make_waker(self) -> None:
        import socket

        try:
            wake_in, wake_out = socket.socketpair()
        except OSError:  # no file descriptor is free: until one is, waits are short
            return
        wake_in.setblocking(False)
        wake_out.setblocking(False)
        self._wake_in, self._wake_out = wake_in, wake_out

    def open(self) -> None:
        """Connect and shake hands, within ``CONNECT_SECONDS``. Proxies of the environment are not used."""
        from websockets.client import ClientProtocol
        from websockets.uri import parse_uri

        self.close()
        deadline = time.monotonic() + CONNECT_SECONDS
        uri = parse_uri(self._url)
        protocol = self._protocol = ClientProtocol(uri, max_size=MAX_FRAME_BYTES + _EXTRA_BYTES)
        self._socket = self._connect(uri.host, uri.port, secure=uri.secure)
        request = protocol.connect()
        if self._api_key:
            request.headers["Authorization"] = f"Bearer {self._api_key}"
        protocol.send_request(request)
        self._socket.sendall(b"".join(protocol.data_to_send()))
        while protocol.handshake_exc is None and protocol.state is protocol.state.CONNECTING:
            self._socket.settimeout(max(deadline - time.monotonic(), 0.001))
            self._receive(protocol, self._socket)
        if protocol.handshake_exc is not None:
            raise RefusedError(
                _refusal(protocol.handshake_exc, has_token=bool(self._api_key))
            ) from protocol.handshake_exc
        self._socket.setblocking(False)

    def _connect(self, host: str, port: int, *, secure: bool) -> "socket.socket":
        import socket

        connected = socket.create_connection((host, port), CONNECT_SECONDS)
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)
        self._is_secure = secure
        if not secure:
            return connected
        load("ssl")
        import ssl

        self._would_block = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
        return ssl.create_default_context().wrap_socket(connected, server_hostname=host)

    def send(self, frame: bytes) -> None:
        """Queue one binary frame and send what the network takes."""
        self._check_open().send_binary(frame)
        self._flush()

    def wait(self, seconds: float, *, heeds: bool = True) -> list[bytes]:
        """Return the frames that came; see ``Transport.wait``."""
        import selectors

        if self._socket is not None:
            self._check_open()
        if self._wake_in is None:
            seconds = min(seconds, _BLIND_SECONDS)  # a `wake` until now went nowhere
            self._make_waker()
        heeds = heeds or bool(self._outgoing)
        # Neither epoll nor kqueue: no kernel object to share after fork.
        waits = getattr(selectors, "PollSelector", selectors.SelectSelector)
        with waits() as selector:
            if self._wake_in is not None:
                selector.register(self._wake_in, selectors.EVENT_READ)
            if self._socket is not None and heeds:
                write = selectors.EVENT_WRITE if self._outgoing else 0
                selector.register(self._socket, selectors.EVENT_READ | write)
            ready = {key.fileobj: mask for key, mask in selector.select(max(seconds, 0))}
        if self._wake_in is not None and self._wake_in in ready:
            _drain(self._wake_in)
        if self._socket is not None and self._protocol is not None and (self._socket in ready or not heeds):
            with suppress(*self._would_block):
                while self._receive(self._protocol, self._socket):
                    pass
            self._flush()
        arrived, self._arrived = self._arrived, []
        return arrived

    def _check_open(self) -> "ClientProtocol":
        if self._protocol is None:
            raise ConnectionError("not connected")
        if self._protocol.state is not self._protocol.state.OPEN:
            code, reason = self._protocol.close_code, self._protocol.close_reason
            raise ConnectionResetError(f"the server closed the connection: {code} {reason or ''}".rstrip())
        return self._protocol

    def _receive(self, protocol: "ClientProtocol", connected: "socket.socket") -> bool:
        """Read once and put whole messages into ``_arrived``; whether there may be more.

        A system call that finds nothing is none the less one for which this thread has to get the interpreter back from
        the training. A TLS socket may hold more than the selector knows.
        """
        data = connected.recv(_READ_BYTES)
        if not data:
            protocol.receive_eof()
            raise ConnectionResetError("the server hung up")
        protocol.receive_data(data)
        for event in protocol.events_received():
            if getattr(event, "opcode", None) in _DATA_OPCODES:
                frame = cast("Frame", event)
                self._message += frame.data
                if frame.fin:
                    self._arrived.append(bytes(self._message))
                    self._message.clear()
        return len(data) == _READ_BYTES or self._is_secure

    def wake(self) -> None:
        """End a ``wait``."""
        wake_out = self._wake_out
        if wake_out is not None:
            with suppress(OSError):  # full: it wakes anyway; closed: nobody waits any more
                wake_out.send(b"\0")

    def close(self) -> None:
        """Say goodbye as far as the network takes it at once, and close the socket."""
        if self._protocol is not None and self._protocol.state is self._protocol.state.OPEN:
            with suppress(OSError):
                self._protocol.send_close(1000)
                self._flush()
        self._forget()

    def release(self) -> None:
        """Close every descriptor."""
        self._forget()
        for end in (self._wake_in, self._wake_out):
            if end is not None:
                end.close()
        self._wake_in = self._wake_out = None

    def after_fork(self) -> None:
        """Close this process's copies of the parent's descriptors; the parent's connection lives on."""
        self.release()

    def _forget(self) -> None:
        if self._socket is not None:
            self._socket.close()
        self._socket = self._protocol = None
        # New ones: a fork may find the parent's in the middle of a call that forbids to clear them.
        self._outgoing, self._message = bytearray(), bytearray()
        self._arrived = []

    def _flush(self) -> None:
        if self._protocol is None or self._socket is None:
            return
        for data in self._protocol.data_to_send():
            self._outgoing += data
        with suppress(*self._would_block):
            while self._outgoing:
                del self._outgoing[: self._socket.send(self._outgoing)]


def _drain(wake_in: "socket.socket") -> None:
    with suppress(BlockingIOError):
        while wake_in.recv(_READ_BYTES):
            pass


def _refusal(error: Exception, *, has_token: bool) -> str:
    """Say what a refused handshake means and what to do."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status == 401 and has_token:
        return "it refuses the token (401) of STEPWIRE_API_KEY or api_key=: see the file `token` in its data folder"
    if status == 401:
        return "it wants a token (401): set STEPWIRE_API_KEY or api_key="
    if status == 403:
        return "it refuses this address or token (403): see --allowed-host and STEPWIRE_API_KEY"
    return f"its answer is not Stepwire's ({error})"
