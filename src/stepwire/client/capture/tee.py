"""Hears what is written to a stream, without a change to the stream that anybody could see."""

from collections.abc import Callable
from typing import Any


class Tee:
    """Hears each text that is written to one stream, after it was written.

    The stream stays the same object: only its ``write`` is wrapped, on this one instance. So whoever holds the stream
    already, as a handler of :mod:`logging` may, is heard too, and what is shown, returned, raised and answered by
    ``isatty``, ``fileno``, ``encoding`` or ``buffer`` is the stream's own.

    Args:
        stream: ``sys.stdout`` or one that stands for it.
        hear: Takes a text. It must neither raise nor block.
    """

    def __init__(self, stream: Any, hear: Callable[[str], None]) -> None:
        self.stream = stream
        self._hear = hear
        self._is_on = False
        self._write: Callable[..., Any] | None = None
        self._before: Callable[..., Any] | None = None

    def attach(self) -> bool:
        """Begin to hear; return whether the stream allows it."""
        try:
            self._before = vars(self.stream).get("write")
            write = self._wrap(self.stream.write)
            self.stream.write = write
        except (AttributeError, TypeError):  # it has no place for an attribute, or no `write`
            return False
        self._write, self._is_on = write, True
        return True

    def detach(self) -> None:
        """Hear no more. The stream gets its own ``write`` back, unless somebody has wrapped ours meanwhile."""
        self._is_on = False
        if self._write is None or vars(self.stream).get("write") is not self._write:
            return
        if self._before is None:
            del self.stream.write
        else:
            self.stream.write = self._before

    def _wrap(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def write(*arguments: Any, **named: Any) -> Any:
            result = original(*arguments, **named)
            if self._is_on and arguments and isinstance(arguments[0], str):
                self._hear(arguments[0])
            return result

        return write
