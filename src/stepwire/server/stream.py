"""An answer whose bytes are made while they are sent: in the reading threads, a step at a time."""

import threading
from collections.abc import AsyncIterator, Generator, Iterator, Mapping

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from stepwire.server.reads import Reads


class SteppedResponse(StreamingResponse):
    """Sends what a generator yields and never holds more than one piece of it.

    The next piece is made when the client has room for it. A client that goes away ends the generator. An error in
    it cuts the connection, so that no client takes half an answer for a whole one.

    Args:
        reads: The threads that make the pieces.
        pieces: What is sent. Empty pieces are places where others may read in between.
        media_type: Of the ``Content-Type`` header.
        headers: More headers.
    """

    def __init__(
        self, reads: Reads, pieces: Iterator[bytes], media_type: str, headers: Mapping[str, str] | None = None
    ) -> None:
        self._reads = reads
        self._pieces = pieces
        # A step that is under way when the client leaves ends in its thread; only then may the generator be closed.
        self._stepping = threading.Lock()
        super().__init__(self._steps(), media_type=media_type, headers=headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it all, and close the generator however that ends."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._reads(self._close)

    async def _steps(self) -> AsyncIterator[bytes]:
        while (piece := await self._reads(self._step)) is not None:
            if piece:
                yield piece

    def _step(self) -> bytes | None:
        with self._stepping:
            return next(self._pieces, None)

    def _close(self) -> None:
        with self._stepping:
            if isinstance(self._pieces, Generator):
                self._pieces.close()
