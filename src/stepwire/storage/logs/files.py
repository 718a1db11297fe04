"""The two log files of a run: the newer, which grows, and the older, which goes when the newer takes its place."""

import logging
import os
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from stepwire.storage.logs.state import FileState

_log = logging.getLogger(__name__)
_BLOCK_BYTES = 1 << 20


class LogFiles:
    """The files in a folder, made when the first line comes. ``<run_id>.log`` is the newer one of a run."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def newer(self, run_id: str) -> Path:
        """The file that grows."""
        return self._folder / f"{run_id}.log"

    def older(self, run_id: str) -> Path:
        """The file with what was before."""
        return self._folder / f"{run_id}.log.1"

    def append(self, run_id: str, size: int, data: bytes) -> None:
        """Put ``data`` behind the first ``size`` bytes; what is behind these was written by a process that was killed.

        Raises:
            OSError: Nothing was added.
        """
        self._folder.mkdir(mode=0o700, exist_ok=True)
        descriptor = os.open(self.newer(run_id), os.O_WRONLY | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.truncate(size)
            file.seek(size)
            try:
                file.write(data)
                file.flush()
            except OSError:
                with suppress(OSError):  # the next append cuts it off
                    os.ftruncate(descriptor, size)
                raise

    def sync(self, run_id: str) -> None:
        """Have the newer file on disk. Raises OSError."""
        for path, flags in ((self.newer(run_id), os.O_WRONLY), (self._folder, os.O_RDONLY)):
            with suppress(FileNotFoundError):  # somebody has removed it: the next append begins anew
                descriptor = os.open(path, flags)
                try:
                    os.fsync(descriptor)
                finally:
                    os.close(descriptor)

    def turn(self, run_id: str) -> None:
        """Let the newer file take the place of the older one; harmless when it has. Raises OSError."""
        with suppress(FileNotFoundError):
            self.newer(run_id).replace(self.older(run_id))

    def remove(self, run_id: str) -> None:
        """Remove both. Raises OSError."""
        self.newer(run_id).unlink(missing_ok=True)
        self.older(run_id).unlink(missing_ok=True)

    def compare(self, run_id: str, state: FileState) -> FileState:
        """Return the state that is true, where the files are not what the database says.

        A process that was killed may have turned the files and not noted it. A file that lost bytes, as after a
        change by hand, counts as it is.
        """
        try:
            size = self.newer(run_id).stat().st_size
        except OSError:
            return state.turned() if state.bytes else state
        if size >= state.bytes:
            return state
        _log.warning("%s has %s bytes and should have %s; lines are lost.", self.newer(run_id), size, state.bytes)
        size, lines = self._whole_lines(run_id)
        return replace(state, bytes=size, lines=lines)

    def _whole_lines(self, run_id: str) -> tuple[int, int]:
        """Bytes and number of the lines that have an end."""
        place = end = lines = 0
        with self.newer(run_id).open("rb") as file:
            while block := file.read(_BLOCK_BYTES):
                lines += block.count(b"\n")
                if b"\n" in block:
                    end = place + block.rindex(b"\n") + 1
                place += len(block)
        return end, lines
