"""The one background thread of the series: seals, builds the pyramid, gives bytes back. Paced, resumable, silent.

Everything it writes goes through the writer in pieces of about a megabyte, so that no batch waits long for it. A
chunk counts from the moment its row is there; its blocks are written before. What a killed process leaves behind is
repeated or removed by the next.
"""

import logging
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from stepwire.errors import StepwireError
from stepwire.storage.database import Database, driver
from stepwire.storage.series import chunks
from stepwire.storage.series.directory import Directories, read_names
from stepwire.storage.series.erase import PIECE_BYTES
from stepwire.storage.series.flip import GoneError, flip, show
from stepwire.storage.series.levels import CELLS_PER_CHUNK, cell_rows, chunk_rows
from stepwire.storage.series.pieces import Job, Pieces, Sent, delete_rows
from stepwire.storage.series.reclaim import Reclaimer
from stepwire.storage.series.waiting import Unsealed, Waiting
from stepwire.storage.writer import Writer

if TYPE_CHECKING:
    from stepwire.storage.series.seal import Batchful, SetSeal

BEHIND_BYTES = 512 * 1024 * 1024
IDLE_SECONDS = 60.0
POLL_SECONDS = 5.0
UNKNOWN_BYTES = 1024 * 1024
RETRY_SECONDS = 5.0
START_SECONDS = 1.0
YIELD_SECONDS = 0.005
TURNS_PER_ROUND = 8
REFRESHES_AT_ONCE = 64
QUIET_SECONDS = 5.0
_log = logging.getLogger(__name__)


class Keeper:
    """Keeps the series in order. ``note`` and ``finish`` are cheap and come from the writer's thread."""

    def __init__(
        self,
        database: Database,
        writer: Writer,
        directories: Directories,
        refresh: Callable[[int], "Future[None] | None"],
        *,
        idle_seconds: float = IDLE_SECONDS,
    ) -> None:
        self._database = database
        self._writer = writer
        self._directories = directories
        self._refresh = refresh
        self._streams = Waiting(idle_seconds)
        self._stale: set[int] = set()
        self._reclaimer = Reclaimer(database, self._write, self._must_yield, self._is_quiet)
        self._next_chunk = 0
        self._changed = threading.Condition()
        self._working = threading.RLock()
        self._closing = False
        self._retry_at = 0.0
        self._at_work: Unsealed | None = None
        self._estimate = 0
        self._waiters = 0
        self._turns = 0
        self._thread = threading.Thread(target=self._run, name="stepwire-keeper", daemon=True)
        self._thread.start()

    # --- from other threads ----------------------------------------------------------------------------

    def note(self, source: int, stream: int, rows: dict[int, tuple[int, int]], nbytes: int) -> None:
        """A journal row was committed: rows and width by metric set, and its size."""
        with self._changed:  # never held for long
            known = self._streams.add(stream, source)
            known.nbytes += nbytes
            self._estimate += nbytes
            known.changed = time.monotonic()
            for number, (count, width) in rows.items():
                total = known.rows[number] = known.rows.get(number, 0) + count
                if total >= chunk_rows(width):
                    known.full = True
            if known.is_due:
                self._streams.sort(stream)
                self._changed.notify()

    def finish(self, source: int) -> None:
        """Seal all of a source when there is time."""
        with self._changed:
            self._streams.finish(source)
            if self._at_work is not None and self._at_work.source == source:
                self._at_work.finished = True
            self._stale.add(source)
            self._changed.notify()

    def refresh(self, source: int) -> None:
        """The summaries of a source are others now: ``run_metric`` follows when there is time."""
        with self._changed:
            self._stale.add(source)
            self._changed.notify()

    def forget(self) -> None:
        """A source was deleted: its bytes are given back."""
        with self._changed:
            self._reclaimer.is_due = True
            self._changed.notify()

    def forget_all(self) -> None:
        """A COMMIT may or may not have reached the disk: what there is to do is read again."""
        with self._changed:
            self._streams.clear()
            self._next_chunk = 0

    @property
    def unsealed_bytes(self) -> int:
        """Size of the journal rows that wait for a seal."""
        with self._changed:
            at_work = 0 if self._at_work is None else self._at_work.nbytes
            self._estimate = sum(stream.nbytes for stream in self._streams) + at_work
            return self._estimate

    @property
    def is_behind(self) -> bool:
        """Whether so much waits that senders should wait too. Never while sealing fails: points come first."""
        # Streams may be many and this is asked for every batch: the sum is made when the estimate is high.
        return (
            self._estimate > BEHIND_BYTES and time.monotonic() > self._retry_at and self.unsealed_bytes > BEHIND_BYTES
        )

    def close(self) -> None:
        """Stop after the piece under way. What is left is done after the next start."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(30)

    @contextmanager
    def pause(self) -> Iterator[None]:
        """Keep the background still, for work that must not run beside it."""
        with self._before_others():
            yield

    def seal(self, source: int | None = None) -> None:
        """Seal every committed row of a source, or of all, in the caller's thread."""
        with self._before_others():
            for stream, of, last in self._unsealed(source):
                while not self._closing and self._step(of, stream, everything=True, last=last):
                    pass
            self._refresh_all(self._stale_sources(source))

    def add_chunk(self, new: chunks.NewChunk, blocks: Iterable[tuple[int, list[bytes]]]) -> None:
        """Write a chunk and its blocks, each with the column that it begins at, in the caller's thread."""
        with self._before_others():
            self._start()
            number = self._take_number()
            pieces = Pieces(self._send)
            try:
                for first, bodies in blocks:
                    pieces.add(number, first, bodies)
                pieces.flush()
                self._submit(lambda tx: show(tx, number, new))
            except BaseException:
                self._abandon([number])
                raise

    def give_back(self) -> None:
        """Give every free page back, not only when there are many."""
        with self._changed:
            self._reclaimer.is_generous = True
            self._changed.notify()

    # --- the thread ------------------------------------------------------------------------------------

    @contextmanager
    def _before_others(self) -> Iterator[None]:
        """The lock of the work, before the thread's next turn."""
        with self._changed:
            self._waiters += 1
        try:
            with self._working:
                yield
        finally:
            with self._changed:
                self._waiters -= 1

    def _run(self) -> None:
        with self._changed:  # a server that starts has better things to do
            self._changed.wait_for(lambda: self._closing, START_SECONDS)
        while not self._closing:
            is_busy = False
            try:
                is_busy = self._turn()
            except Exception as error:  # noqa: BLE001 - the boundary: nothing is lost, all of it is tried again
                self._fail(error)
            if not is_busy:
                self._wait()

    def _fail(self, error: Exception) -> None:
        if not self._closing:
            _log.error("Background work on the series failed: %s", error, exc_info=error)
        self._retry_at = time.monotonic() + RETRY_SECONDS

    def _wait(self) -> None:
        with self._changed:
            pause = self._retry_at - time.monotonic()
            if pause > 0:  # what comes meanwhile must not wake it
                self._changed.wait_for(lambda: self._closing, pause)
            elif not self._closing and self._pick(time.monotonic()) is None:
                self._changed.wait(POLL_SECONDS)

    def _turn(self) -> bool:
        """One pass, and now and then what else there is; whether there was a pass to do."""
        while self._waiters and not self._closing:
            time.sleep(YIELD_SECONDS)  # a lock alone is not fair
        with self._working:
            self._start()
            picked = self._pick(time.monotonic())
            if picked is not None:
                number, stream, everything = picked
                try:
                    self._step(stream.source, number, everything=everything)
                except StepwireError:
                    raise  # the database can't be written: others would fail too
                except Exception as error:  # noqa: BLE001 - one stream's fault must not keep the others waiting
                    self._postpone(number, error)
        self._turns += 1
        if picked is None or self._turns % TURNS_PER_ROUND == 0:
            self._tidy()
        return picked is not None

    def _postpone(self, number: int, error: Exception) -> None:
        self._fail(error)
        with self._changed:
            known = self._streams.get(number)
            if known is not None:
                known.retry_at = self._retry_at

    def _tidy(self) -> None:
        """Bring the index of summaries up to date, give bytes back."""
        with self._working:
            with self._changed:
                stale = [source for source in self._stale if source not in self._streams]
                self._stale.clear()  # those with rows to seal come again with their seal
            try:
                self._refresh_all(stale)
            except BaseException:
                with self._changed:
                    self._stale.update(stale)
                raise
            self._reclaimer.work()

    def _refresh_all(self, sources: Iterable[int]) -> None:
        """Bring the index up to date for some sources; those that wait together share a commit."""
        waiting: deque[Future[None]] = deque()
        for source in sources:
            future = self._refresh(source)
            if future is not None:
                waiting.append(future)
            if len(waiting) > REFRESHES_AT_ONCE:
                waiting.popleft().result()
        for future in waiting:
            future.result()

    def _start(self) -> None:
        """Once per life: what a killed process left is removed, what it had to do is known again."""
        if self._next_chunk:
            return
        with self._database.read() as connection:
            db = driver(connection)
            last = chunks.last_chunk(db)
            query = "SELECT journal.source, journal.stream, sum(length(body)) FROM journal GROUP BY 1, 2"
            found = db.execute(query).fetchall()
            self._stale.update(row[0] for row in db.execute("SELECT number FROM source WHERE stale = 1"))
            query = "SELECT metric_set, rows, names FROM sealed JOIN metric_set ON number = metric_set WHERE rows >= ?"
            long = db.execute(query, (cell_rows(2) * CELLS_PER_CHUNK,)).fetchall()
        first = (last + 1) << chunks.COLUMN_BITS
        self._write(lambda db: db.execute("DELETE FROM block WHERE id >= ?", (first,)))
        self._write(
            lambda db: db.execute(
                "DELETE FROM journal WHERE number IN (SELECT journal.number FROM stream JOIN journal ON "
                "journal.source = stream.source AND journal.stream = stream.number "
                "AND journal.number <= stream.sealed_through)"
            )
        )
        with self._changed:
            for source, stream, nbytes in found:
                known = self._streams.add(stream, source)
                known.nbytes = max(known.nbytes, nbytes)
                known.full = known.full or nbytes > UNKNOWN_BYTES
                self._streams.sort(stream)
            self._next_chunk = last + 1
        for metric_set, rows, names in long:  # a kill may have come before their upper levels
            self._raise(metric_set, len(read_names(names)), rows)

    def _pick(self, now: float) -> tuple[int, Unsealed, bool] | None:
        """The next stream to seal, and whether all of it; those that failed just now have to wait."""
        return self._streams.pick(now, due_first=bool(self._turns % TURNS_PER_ROUND))

    def _unsealed(self, source: int | None) -> list[tuple[int, int, int]]:
        """Stream, source and last journal row of every stream that has one."""
        self._start()
        query = "SELECT journal.stream, journal.source, max(journal.number) FROM journal"
        where, values = ("", ()) if source is None else (" WHERE journal.source = ?", (source,))
        with self._database.read() as connection:
            return driver(connection).execute(f"{query}{where} GROUP BY 1, 2", values).fetchall()

    def _stale_sources(self, source: int | None) -> list[int]:
        with self._database.read() as connection:
            rows = driver(connection).execute("SELECT number FROM source WHERE stale = 1 AND kind <> 'deleted'")
            return [row[0] for row in rows if source is None or row[0] == source]

    # --- one stream ------------------------------------------------------------------------------------

    def _step(self, source: int, stream: int, *, everything: bool, last: int | None = None) -> bool:
        """One pass over a stream; false when nothing was left to seal, up to journal row ``last``.

        What is left after it is noted.
        """
        with self._changed:
            known = self._streams.pop(stream) or Unsealed(source)  # rows that come from here on are noted anew
            self._at_work = known
        try:
            taken = self._pass(source, stream, everything=everything)
        except GoneError:
            return False
        except BaseException:
            with self._changed:
                self._streams.put_back(stream, known)
            raise
        finally:
            with self._changed:
                self._at_work = None
        if taken is None:
            self._stale.add(source)
            return False
        finished = known.finished and (taken.more or not everything)
        if taken.more or finished:
            rest = max(known.nbytes - sum(taken.sizes), 0)
            with self._changed:
                self._streams.put_back(stream, Unsealed(source, full=taken.more, nbytes=rest, finished=finished))
        else:
            # Rows that came meanwhile wait for their own time: sealing them one by one writes the last chunk each time.
            self._stale.add(source)
        return taken.more and (last is None or taken.numbers[-1] < last)

    def _pass(self, source: int, stream: int, *, everything: bool) -> "Batchful | None":
        """One pass over at most some megabytes of journal; ``None``: there was nothing to do."""
        from stepwire.storage.series import seal

        with self._database.read() as connection:
            db = driver(connection)
            batchful = seal.read_batchful(db, source, stream)
            if batchful is None:
                return None
            version = db.execute("SELECT version FROM source WHERE number = ?", (source,)).fetchone()
            if version is None:
                raise GoneError
            directory = self._directories.load(db, source, version[0])
            numbers = {part.number for frame in batchful.frames for part in frame.sets}
            widths = {number: len(directory.sets[number].names) for number in numbers}
            seals = seal.plan(batchful, widths, chunks.read_sealed(db, sorted(numbers)), everything=everything)
        # Not inside: while a snapshot is held, the write-ahead log can't begin anew and grows.
        if not everything and all(one.taken is None for one in seals) and seals:
            self._note_left(batchful, seals)
            return batchful
        self._carry_out(batchful, seals)
        self._note_left(batchful, seals)
        for one in seals:
            if one.taken is not None:
                self._raise(one.number, one.width, one.before.rows + len(one.taken))
        return batchful

    def _note_left(self, batchful: "Batchful", seals: "list[SetSeal]") -> None:
        """Rows that stay in the journal count towards the next seal."""
        left = {seal.number: len(seal.left) for seal in seals if seal.left is not None}
        if left:
            with self._changed:
                known = self._streams.add(batchful.stream, batchful.source)
                for number, count in left.items():
                    known.rows[number] = known.rows.get(number, 0) + count
                known.nbytes += sum(seal.left_bytes for seal in seals)
                self._streams.sort(batchful.stream)

    def _carry_out(self, batchful: "Batchful", seals: "list[SetSeal]") -> None:
        from stepwire.storage.series import seal

        numbered: list[tuple[int, chunks.NewChunk]] = []
        replaced: list[int] = []
        states: dict[int, chunks.Sealed] = {}
        pieces = Pieces(self._send)
        try:
            for one in seals:
                if one.taken is None:
                    continue
                with self._database.read() as connection:
                    written, old, outcome = seal.build(driver(connection), one)
                for made in written:
                    number = self._take_number()
                    numbered.append((number, made.chunk))
                    pieces.add(number, 0, made.bodies)
                replaced += old
                states[one.number] = outcome.state
            pieces.flush()
            left, records = seal.left_over(seals), seal.kept_records(batchful.frames)
            self._submit(lambda tx: flip(tx, batchful, numbered, replaced, states, left, records))
        except BaseException:
            self._abandon([number for number, _ in numbered])
            raise
        self._trim(batchful, keep_last=left is not None)

    def _take_number(self) -> int:
        with self._changed:
            number = self._next_chunk
            if not number:  # it was forgotten in mid-work: numbers from 1 on belong to other chunks
                raise StepwireError("A write failed; the series are sealed again from where the database stands.")
            self._next_chunk += 1
            return number

    def _abandon(self, numbers: list[int]) -> None:
        def job(db: sqlite3.Connection) -> None:
            for number in numbers:
                # A COMMIT that failed may be on disk all the same.
                if db.execute("SELECT 1 FROM chunk WHERE number = ?", (number,)).fetchone() is None:
                    chunks.delete_blocks(db, number)

        try:
            self._write(job)
        except StepwireError:  # the disk fails, or the server stops: the next start removes them
            self._next_chunk = 0

    def _trim(self, batchful: "Batchful", *, keep_last: bool) -> None:
        """Remove the journal rows whose points are in blocks; nobody reads them any more."""
        gone = list(zip(batchful.numbers, batchful.sizes, strict=True))
        if keep_last:
            gone.pop()  # its number is that of what was left over
        some: list[int] = []
        size = 0
        sent = Sent(self._send)
        for number, nbytes in gone:
            some.append(number)
            size += nbytes
            if size > PIECE_BYTES:
                sent.add(delete_rows(some))
                some, size = [], 0
        sent.add(delete_rows(some))
        sent.wait()

    def _raise(self, metric_set: int, width: int, rows: int) -> None:
        """Build the chunks of the upper levels that are due."""
        from stepwire.storage.series import pyramid

        while not self._closing:
            with self._database.read() as connection:
                db = driver(connection)
                due = pyramid.next_due(db, metric_set, width, rows)
                if due is None:
                    return
                children = pyramid.read_children(db, metric_set, width, *due)
                new = pyramid.build_chunk(db, metric_set, *due, children)
            self.add_chunk(new, self._upper_blocks(width, children))

    def _upper_blocks(self, width: int, children: Sequence[chunks.Chunk]) -> Iterator[tuple[int, list[bytes]]]:
        """The bodies over these chunks, some columns at a time, each on a snapshot of its own: chunks never change."""
        from stepwire.storage.series import pyramid

        for first in range(0, width, pyramid.COLUMNS_AT_ONCE):
            with self._database.read() as connection:
                bodies = pyramid.build_bodies(driver(connection), width, children, first)
            yield first, bodies

    def _is_quiet(self) -> bool:
        now = time.monotonic()
        return all(now - stream.changed > QUIET_SECONDS for stream in self._streams)

    def _must_yield(self) -> bool:
        """Whether something else is due than giving bytes back."""
        return self._closing or bool(self._waiters) or self._pick(time.monotonic()) is not None

    # --- writing ---------------------------------------------------------------------------------------

    def _submit(self, job: Callable[[Connection], object]) -> object:
        return self._writer.submit(job).result()

    def _send(self, job: Job) -> Future[object]:
        return self._writer.submit(lambda tx: job(driver(tx)))

    def _write(self, job: Job) -> object:
        return self._submit(lambda tx: job(driver(tx)))
