"""The bytes of a WebSocket: whole binary messages are taken out of what arrives by the shortest way."""

from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import apply_mask  # type: ignore[attr-defined]  # in C, where that was built
from websockets.protocol import OPEN

_FIN, _UNUSUAL = 0x80, 0xF0  # the last piece of a message, and what else says that it is, or belongs to an extension
_WHOLE_BINARY = _FIN | 2
_MASKED = 0x80
_MASK_BYTES = 4


class Framing(WebSocketsSansIOProtocol):
    """uvicorn's WebSocket with a short way for small messages: ``uvicorn.Config(ws=Framing)``.

    A script that is waited for after each step, or a hundred scripts at once, send tens of thousands of messages of a
    few hundred bytes a second. A binary message that is one frame (RFC 6455, 5.2) is read here. Everything else goes
    to the parser of ``websockets``, frame by frame; and from the first frame that has something unusual about it
    (pieces, no mask, reserved bits, too large) it gets all bytes as they come.
    """

    def __init__(self, config: Any, server_state: Any, app_state: dict[str, Any], **more: Any) -> None:
        super().__init__(config, server_state, app_state, **more)
        self._rest = bytearray()
        self._wanted = 0
        self._is_usual = True
        self._has_request = False

    def data_received(self, data: bytes) -> None:
        """Take what has arrived."""
        if not self._is_usual:
            super().data_received(data)
        elif self.handshake_complete:
            self._take(data)
        else:
            self._is_usual = not self._has_request  # more than the request before its answer
            self._has_request = True
            super().data_received(data)

    def _take(self, data: bytes) -> None:
        rest = self._rest
        rest += data
        if len(rest) < self._wanted:
            return
        at = 0
        while self._is_usual and (span := self._span(at)) is not None:
            begin, end = span
            if rest[at] == _WHOLE_BINARY and self.conn.state is OPEN and not self.close_sent:
                self._receive(apply_mask(bytes(rest[begin:end]), bytes(rest[begin - _MASK_BYTES : begin])))
            else:
                super().data_received(bytes(rest[at:end]))
                if self.transport.is_closing():
                    rest.clear()
                    return
            at = end
        del rest[:at]
        if not self._is_usual and rest:
            super().data_received(bytes(rest))
            rest.clear()

    def _span(self, at: int) -> tuple[int, int] | None:
        """Where the payload of the frame at ``at`` begins and ends; ``None`` when not all of it is there."""
        rest = self._rest
        there = len(rest) - at
        self._wanted = 2
        if there < 2:
            return None
        if rest[at] & _UNUSUAL != _FIN or rest[at + 1] < _MASKED:
            self._is_usual = False
            return None
        length = rest[at + 1] - _MASKED
        more = 8 if length == 127 else 2 if length == 126 else 0
        begin = at + 2 + more + _MASK_BYTES
        self._wanted = begin - at
        if there < self._wanted:
            return None
        if more:
            length = int.from_bytes(rest[at + 2 : at + 2 + more])
        self._is_usual = length <= self.config.ws_max_size
        self._wanted += length
        return (begin, begin + length) if self._is_usual and there >= self._wanted else None

    def _receive(self, message: bytes) -> None:
        self.queue.put_nowait({"type": "websocket.receive", "bytes": message})
        if not self.read_paused:
            self.read_paused = True
            self.transport.pause_reading()
