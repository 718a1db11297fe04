"""All spools under a folder, and what became of the processes that wrote them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from stepwire.formats.places import ring_folders
from stepwire.formats.ring import RingError, read_ring_identity
from stepwire.formats.spoolfolder import DONE_FILE, HEAD_FILE, read_identity

QUIET_SECONDS = 120.0
"""After its last word and so long in silence a process writes no more: one that lives writes a heartbeat every 15 s."""


class FoundSpool(NamedTuple):
    """One stream's spool: its folder, which may not be there yet, and what it says of its run and process."""

    folder: Path
    identity: dict[str, Any]

    @property
    def run_id(self) -> str:
        """Id of the run."""
        return str(self.identity.get("run_id") or self.folder.parent.name)

    @property
    def writer_id(self) -> str:
        """Id of the stream."""
        return str(self.identity.get("writer_id") or self.folder.name)

    @property
    def ring(self) -> Path | None:
        """The ring of the process that wrote it, on its own machine."""
        ring = self.identity.get("ring")
        return Path(ring) if ring else None


def find_spools(root: Path) -> Iterator[FoundSpool]:
    """The spools under ``root`` that may hold something to deliver, oldest first by name."""
    known = set()
    for head in sorted(root.glob(f"*/*/{HEAD_FILE}")):
        folder = head.parent
        known.add(str(folder))
        if (folder / DONE_FILE).exists():
            continue
        identity = read_identity(folder)
        if identity is not None:
            yield FoundSpool(folder, identity)
    yield from (found for found in _rings(root) if str(found.folder) not in known)


def _rings(root: Path) -> Iterator[FoundSpool]:
    """Processes that ended before a single record of theirs had reached the disk."""
    for place in ring_folders(root):
        for path in sorted(place.glob("*.ring")):
            try:
                identity = read_ring_identity(path)
            except (RingError, FileNotFoundError, PermissionError):  # just being made, just gone, or another user's
                continue
            folder = Path(str(identity.get("folder", "")))
            if folder.is_absolute() and folder.is_relative_to(root):
                yield FoundSpool(folder, identity | {"ring": str(path)})


def last_words(identity: dict[str, Any], now: int) -> dict[str, Any]:
    """The ``status`` record of a run whose process is gone and never said how the run ended.

    Args:
        identity: What the spool says of its process. The end of a notebook's kernel is an interruption.
        now: µs since 1970.
    """
    if identity.get("notebook"):
        return {"type": "status", "time": now, "status": "interrupted", "reason": "the notebook's kernel is gone"}
    return {"type": "status", "time": now, "status": "crashed", "reason": "the process is gone without a word"}
