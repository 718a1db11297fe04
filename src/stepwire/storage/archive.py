"""Archives: the points of a run as one Parquet file instead of blocks, and back.

Each step is committed before the next begins, so that a killed process is gone on from where it was:

* ``writing``: the file is being made under another name; all points are in the database.
* ``dropping``: the file is whole, on disk and compared with the points; these go, some at a time.
* ``archived``: they are gone; charts go on from the pyramid.
* ``restoring``: points are written back beside what stands for them.
* ``restored``: they count again, and there is no file.
* ``removing``: the run was deleted, its file goes.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection

from stepwire.errors import ConflictError, DamagedError, NotFoundError, StepwireError
from stepwire.protocol import EventMessage, Level
from stepwire.storage.catalog.interface import Archive, ArchiveState, Run
from stepwire.storage.open import Storage
from stepwire.storage.series.interface import DropRule, Extent, RawBlock

FOLDER = "archive"
UNFINISHED: tuple[ArchiveState, ...] = ("writing", "dropping", "restoring", "restored", "removing")
"""States after which something may be left to do."""
_KEY = "stepwire"
_READ_BYTES = 1 << 20
T = TypeVar("T")
_Event = tuple[Level, str, str, dict[str, Any]]
"""Level, name, message, data."""


class StoppedError(Exception):
    """The work was broken off on purpose; it goes on later."""


class Archives:
    """Makes archives and brings points back. One piece of work at a time, in a thread of the caller's.

    Args:
        storage: The open data folder; files are in its folder ``archive``.
        clock: Now, in µs since 1970.
        tell: Called with each event once it is committed.
        proceed: Called before each piece of work. It may raise :class:`StoppedError`.
    """

    def __init__(
        self,
        storage: Storage,
        clock: Callable[[], int],
        tell: Callable[[EventMessage], None] = lambda _event: None,
        proceed: Callable[[], None] = lambda: None,
    ) -> None:
        self._storage = storage
        self._clock = clock
        self._tell = tell
        self._proceed = proceed

    @property
    def folder(self) -> Path:
        """Where the files are."""
        return self._storage.database.folder / FOLDER

    def archive(self, run_id: str) -> Archive:
        """Move the points of a run into a file. One whose file has all of its points is left as it is.

        Raises:
            NotFoundError: No such run.
            ConflictError: It is running, or has no points.
            MissingExtraError: pyarrow is not installed.
            DamagedError: The file or the pyramid is not what it must be; the points stay.
        """
        from stepwire.storage.export.arrow import require_arrow

        require_arrow()
        run = self._ended(run_id)
        known = self._storage.catalog.get_archive(run_id)
        if known is not None and known.state not in ("writing", "restored"):
            known = self.finish(known)
        self._storage.series.seal(run_id)
        extent = self._storage.series.extent(run_id)
        if known is not None and known.state == "archived":
            if extent.records == known.records:
                return known
            known = self.restore(run_id)  # the run went on: all of its points go into one file
            extent = self._storage.series.extent(run_id)
        if not extent.sets:
            raise ConflictError(f"Run {run.name} has no points to archive.")
        return self._drop(run, self._write(run, extent, known))

    def restore(self, run_id: str) -> Archive:
        """Bring the points of a run back, bit for bit, and remove the file.

        Raises:
            NotFoundError: No such run.
            ConflictError: It is not archived.
            MissingExtraError: pyarrow is not installed.
            DamagedError: The file is missing or another one than was written; nothing changes.
        """
        run = self._storage.catalog.get_run(run_id)
        known = self._storage.catalog.get_archive(run_id)
        if known is None or known.state not in ("dropping", "archived", "restoring"):
            raise ConflictError(f"Run {run.name} is not archived.")
        path = self.folder / known.file
        self._check(path, known)
        extent = _extent(path, known)
        self._set_state(run_id, "restoring")
        try:
            self._bring_back(run, known, extent)
        except StoppedError:
            raise
        except StepwireError:
            if self._require(run_id).state == "restoring":  # else a commit counts that was told as failed
                self._storage.series.sweep(run_id, self._proceed)
                self._set_state(run_id, "archived")
            raise
        self._remove_file(path)
        return self._require(run_id)

    def finish(self, known: Archive) -> Archive | None:
        """Go on where a process was killed or stopped; ``None``: there is no archive any more.

        Raises:
            StepwireError: As ``archive`` and ``restore``.
        """
        if known.state == "removing":
            self.remove_file(known)
            return None
        try:
            run = self._storage.catalog.get_run(known.run_id)
        except NotFoundError:  # in the trash: it goes on once it comes back
            return known
        if known.state == "writing":
            return self._finish_writing(run, known)
        if known.state == "dropping":
            self._check(self.folder / known.file, known)
            return self._drop(run, known)
        if known.state == "restoring":
            return self.restore(run.id)
        if known.state == "restored":
            self._remove_file(self.folder / known.file)
        return known

    def remove_file(self, known: Archive) -> None:
        """Remove the file of a run that was deleted, and what is known of it."""
        self._remove_file(self.folder / known.file)
        self._write_row(lambda tx: self._storage.catalog.remove_archive(tx, known.run_id))

    # --- to the file -----------------------------------------------------------------------------------

    def _ended(self, run_id: str) -> Run:
        run = self._storage.catalog.get_run(run_id)
        if run.status == "running":
            raise ConflictError(f"Run {run.name} is running; only one that has ended can be archived.")
        return run

    def _finish_writing(self, run: Run, known: Archive) -> Archive | None:
        if run.status != "running":
            return self.archive(run.id)
        self._give_up(known, None)
        return None

    def _write(self, run: Run, extent: Extent, before: Archive | None) -> Archive:
        """The file on disk, compared with the points, and its row."""
        now = self._clock()
        new = Archive(
            run.id, "writing", f"{run.id}.parquet", records=extent.records, sets=extent.sets,
            created_at=now, updated_at=now,
        )  # fmt: skip
        self._write_row(lambda tx: self._storage.catalog.put_archive(tx, new))
        try:
            part = self._part(new)
            digest = self._write_file(part, run.id, extent)
            points = self._compare(part, run.id)
            size = part.stat().st_size
            part.replace(self.folder / new.file)
            _sync_folder(self.folder)
            done = replace(new, state="dropping", bytes=size, sha256=digest, points=points, updated_at=self._clock())
            self._write_row(lambda tx: self._commit(tx, done, extent))
        except StoppedError:
            raise
        except OSError as error:
            self._give_up(new, before)
            raise StepwireError(f"The archive of {run.name} can't be written: {error}.") from error
        except BaseException:
            self._give_up(new, before)
            raise
        return done

    def _write_file(self, part: Path, run_id: str, extent: Extent) -> str:
        from stepwire.storage.export.arrow import write_parquet

        self.folder.mkdir(mode=0o700, exist_ok=True)
        _sync_folder(self.folder.parent)
        metadata = {_KEY: json.dumps({"version": 1, "run_id": run_id, "cuts": extent.cuts})}
        digest = hashlib.sha256()
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            for piece in write_parquet(self._storage.series.scan(run_id), metadata):
                self._proceed()
                file.write(piece)
                digest.update(piece)
            file.flush()
            os.fsync(file.fileno())
        return digest.hexdigest()

    def _compare(self, part: Path, run_id: str) -> int:
        from stepwire.storage.export.parquet import count_same, read_parquet

        return count_same(self._paced(self._storage.series.scan(run_id)), read_parquet(part))

    def _paced(self, blocks: Iterator[RawBlock]) -> Iterator[RawBlock]:
        for block in blocks:
            self._proceed()
            yield block

    def _commit(self, tx: Connection, done: Archive, extent: Extent) -> None:
        """From here on the file counts, if the run is still what was written.

        Raises:
            ConflictError: It is not.
        """
        run = self._storage.catalog.find_run(tx, done.run_id)
        if run is None or run.status == "running" or self._storage.series.state(tx, done.run_id) != extent.state:
            raise ConflictError("The run changed while it was archived. Try again.")
        self._storage.catalog.put_archive(tx, done)

    def _give_up(self, new: Archive, before: Archive | None) -> None:
        """Nothing was moved: what was known of an earlier archive is as it was, then the file goes."""

        def job(tx: Connection) -> None:
            if before is None or before.state == "writing":
                self._storage.catalog.remove_archive(tx, new.run_id)
            else:
                self._storage.catalog.put_archive(tx, before)

        self._write_row(job)
        with suppress(OSError):
            self._part(new).unlink(missing_ok=True)
            (self.folder / new.file).unlink(missing_ok=True)

    def _drop(self, run: Run, known: Archive) -> Archive:
        """The points that the file has go out of the database."""
        rule = DropRule(upto={number: stop for number, _, stop in known.sets}, ended=True, archived=True)
        try:
            dropped = self._storage.series.drop(run.id, rule, self._proceed)
            line = f"archived: {known.points:,} points, {known.bytes:,} bytes; {dropped.bytes:,} bytes given back"
            event: _Event = ("info", "run_archived", line, {"freed": dropped.bytes})
        except DamagedError as error:
            line = f"archived, but points stay in the database: {error.message}"
            event = ("warning", "run_archived", line, {"freed": 0})
        event[3].update(points=known.points, bytes=known.bytes, file=known.file)
        self._set_state(run.id, "archived", event)
        return self._require(run.id)

    # --- from the file ---------------------------------------------------------------------------------

    def _check(self, path: Path, known: Archive) -> None:
        """Raises DamagedError when the file is not there, or another one than was written."""
        if not path.is_file():
            raise DamagedError(f"{path} is missing. Put it back, then try again.")
        digest = hashlib.sha256()
        with path.open("rb") as file:
            while piece := file.read(_READ_BYTES):
                self._proceed()
                digest.update(piece)
        if digest.hexdigest() != known.sha256:
            raise DamagedError(f"{path} is not the file that was written: its checksum is another one.")

    def _bring_back(self, run: Run, known: Archive, extent: Extent) -> None:
        from stepwire.storage.export.parquet import read_parquet

        self._storage.series.refill(run.id, extent, read_parquet(self.folder / known.file), self._proceed)
        line = f"restored: {known.points:,} points out of {known.bytes:,} bytes"
        data = {"points": known.points, "bytes": known.bytes}
        self._set_state(
            run.id,
            "restored",
            ("info", "run_restored", line, data),
            also=lambda tx: self._storage.series.show(tx, extent),
        )

    # --- rows and files --------------------------------------------------------------------------------

    def _set_state(
        self,
        run_id: str,
        state: ArchiveState,
        event: _Event | None = None,
        also: Callable[[Connection], None] = lambda _tx: None,
    ) -> None:
        catalog, now = self._storage.catalog, self._clock()

        def job(tx: Connection) -> EventMessage | None:
            if catalog.find_run(tx, run_id) is None:
                raise NotFoundError(f"There is no run {run_id} any more.", "run_id")
            also(tx)
            catalog.update_archive(tx, run_id, {"state": state, "updated_at": now})
            if event is None:
                return None
            level, name, line, data = event
            return catalog.add_event(
                tx, time=now, level=level, source="server", event=name, message=line, run_id=run_id, data=data
            )

        told = self._write_row(job)
        if told is not None:
            self._tell(told)

    def _write_row(self, job: Callable[[Connection], T]) -> T:
        return self._storage.writer.submit(job).result()

    def _require(self, run_id: str) -> Archive:
        known = self._storage.catalog.get_archive(run_id)
        assert known is not None
        return known

    def _part(self, known: Archive) -> Path:
        return self.folder / f"{known.file}.part"

    def _remove_file(self, path: Path) -> None:
        """Raises StepwireError when the file can't be removed."""
        try:
            path.with_name(f"{path.name}.part").unlink(missing_ok=True)
            path.unlink(missing_ok=True)
        except OSError as error:
            raise StepwireError(f"{path} can't be removed: {error.strerror}.") from error


def _extent(path: Path, known: Archive) -> Extent:
    """What the file has, as it says itself."""
    from stepwire.storage.export.parquet import read_metadata

    try:
        told = json.loads(read_metadata(path)[_KEY])
        cuts = [(int(number), int(column), int(rows)) for number, column, rows in told["cuts"]]
    except (KeyError, TypeError, ValueError) as error:
        raise DamagedError(f"{path} is no archive of Stepwire.") from error
    return Extent(known.sets, cuts, known.records, None, 0)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
