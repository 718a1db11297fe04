"""The file in a checkpoint folder that tells which run wrote the checkpoints there, so that it can be taken up again.

It is all that a restart needs: no server has to answer. Only the run's owner writes it, off the training thread.
"""

import json
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from stepwire.client.environment import whoami
from stepwire.client.notice import warn
from stepwire.client.settings import RUN_ID
from stepwire.system import process_space

FILE = ".stepwire-run.json"
MAX_CHECKPOINTS = 100
_FORMAT = 1
_END = b"}\n"
_PATIENCE_SECONDS = 1.0  # for a file that another process is about to write
_LOOK_SECONDS = 0.02
_WARN_SECONDS = 60.0
_DRAFT_SECONDS = 3600.0
_START_TOLERANCE_SECONDS = 2.0


class SavedCheckpoint(NamedTuple):
    """A checkpoint that a run registered: its id, absolute path, and step if that is known."""

    id: str
    path: str
    step: float | None = None


class Identity(NamedTuple):
    """What the file holds.

    Attributes:
        attempt: Counts the processes that owned the run.
        owner: ``host``, ``pid``, ``pid_start`` and ``space`` of the process that owns it; ``None`` once it has ended.
        checkpoints: The newest ones, oldest first.
    """

    run_id: str
    name: str
    project: str
    attempt: int = 1
    owner: dict[str, Any] | None = None
    checkpoints: tuple[SavedCheckpoint, ...] = ()


def this_process() -> dict[str, Any]:
    """Return what ``Identity.owner`` says of this process."""
    return {**whoami(), "space": process_space()}


def owner_lives(identity: Identity) -> bool | None:
    """Return whether the process that owns a run still lives; ``None`` when it is not one of this machine's."""
    owner = identity.owner
    if owner is None:
        return False
    here = this_process()
    if (owner.get("host"), owner.get("space")) != (here["host"], here["space"]):
        return None
    pid, started = owner.get("pid"), owner.get("pid_start")
    if not isinstance(pid, int) or pid <= 0:
        return None
    return _lives(pid, started if isinstance(started, int | float) else None)


def _lives(pid: int, known_start: float | None) -> bool:
    import psutil

    try:
        process = psutil.Process(pid)
        started = process.create_time()
        if process.status() in {psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD}:
            return False
    except psutil.NoSuchProcess:
        return False
    except (psutil.Error, OSError):  # it is there and tells nothing
        return True
    return known_start is None or abs(started - known_start) < _START_TOLERANCE_SECONDS


class IdentityFile:
    """One run's file in a checkpoint folder.

    A folder that several runs share has one file for each: the first has the plain name.

    Args:
        folder: The checkpoint folder.
        name: Name of the run.
        project: Its project.
        run_id: Its id, where the caller knows it; any when left out.
    """

    def __init__(self, folder: Path, name: str, project: str, run_id: str | None = None) -> None:
        self.folder = folder
        self._wanted = (name, project, run_id)
        self._mine: Identity | None = None
        self._before: Identity | None = None
        self._changes: deque[Callable[[Identity], Identity]] = deque()
        self._warned_at = -_WARN_SECONDS
        self.after_fork()
        self.path = folder / FILE
        if not self._is_ours(_read(self.path)):
            self._step_aside()

    def _step_aside(self) -> None:
        """Use a name of this run's own: the plain one is another run's."""
        self.path = self.folder / f"{FILE.removesuffix('.json')}-{_digest(self._wanted)}.json"

    def _is_ours(self, found: Identity | None) -> bool:
        name, project, run_id = self._wanted
        return found is None or ((found.name, found.project) == (name, project) and run_id in {None, found.run_id})

    def read(self) -> Identity | None:
        """Return what the file holds; ``None`` when there is none or it is of another run or damaged."""
        found = _read(self.path)
        return found if found is not None and self._is_ours(found) else None

    def create(self, identity: Identity) -> bool:
        """Make the file, and own it from then on; ``False`` when another process of this run was quicker."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._make(_encode(identity, self.folder))
        except FileExistsError:
            if self.read() is not None:
                return False
            if not self._is_ours(_read(self.path)):
                self._step_aside()
                return self.create(identity)
            self.adopt(identity, None)  # it holds nothing that can be used
        except OSError as error:
            self._warn(error)
        self._mine = identity
        return True

    def _make(self, data: bytes) -> None:
        fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        with os.fdopen(fd, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())

    def adopt(self, identity: Identity, before: Identity | None) -> None:
        """Write that this process owns the run from now on; ``before`` is what it held. Waits for the disk."""
        self._mine, self._before = identity, before
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            _remove_drafts(self.path)
            _replace(self.path, _encode(identity, self.folder))
        except OSError as error:
            self._warn(error)

    # --- while the run goes on ------------------------------------------------------------------------

    @property
    def busy(self) -> bool:
        """Whether something is still to be written."""
        return self._busy

    def add(self, saved: SavedCheckpoint) -> None:
        """Note a checkpoint. Never waits for the disk."""
        self._change(lambda mine: mine._replace(checkpoints=(*mine.checkpoints, saved)[-MAX_CHECKPOINTS:]))

    def release(self) -> None:
        """Note that the run has ended in this process. Never waits for the disk."""
        self._change(lambda mine: mine._replace(owner=None))

    def give_back(self) -> None:
        """Undo ``adopt``: the run belongs to another process. Called by a thread that may wait."""
        with self._lock:
            mine, self._mine = self._mine, None
        found = self.read()
        if mine is None or self._before is None or found is None or found.owner != mine.owner:
            return
        try:
            _replace(self.path, _encode(self._before, self.folder))
        except OSError as error:
            self._warn(error)

    def after_fork(self) -> None:
        """Leave the file to the parent process."""
        self._lock = threading.RLock()  # re-entrant: a signal handler may save while it has interrupted a save
        self._disk_lock = threading.Lock()
        self._mine = None
        self._changes.clear()
        self._busy = False

    def _change(self, change: Callable[[Identity], Identity]) -> None:
        with self._lock:
            if self._mine is None:
                return
            self._changes.append(change)
            if self._busy:
                return
            self._busy = True
        try:
            threading.Thread(target=self._write_all, name="stepwire-identity", daemon=True).start()
        except RuntimeError:  # the interpreter is shutting down, or there are no more threads: the next one writes it
            self._busy = False

    def _write_all(self) -> None:
        while self._apply():
            try:
                with self._disk_lock:
                    self._write()
            except Exception as error:  # noqa: BLE001 - told; it must not end the thread in the middle of its work
                self._warn(error)

    def _apply(self) -> bool:
        """Apply what was noted; ``False`` when there is nothing to write."""
        with self._lock:
            if self._mine is None or not self._changes:
                self._busy = False
                return False
            while self._changes:
                self._mine = self._changes.popleft()(self._mine)
            return True

    def _write(self) -> None:
        found, mine = _read(self.path), self._mine
        if mine is None:
            return
        if found is not None and (found.run_id != mine.run_id or found.attempt > mine.attempt):
            return  # another process has taken the run up, or the folder
        known = {saved.id for saved in mine.checkpoints}
        others = [saved for saved in found.checkpoints if saved.id not in known] if found else []
        checkpoints = (*others, *mine.checkpoints)[-MAX_CHECKPOINTS:]
        _replace(self.path, _encode(mine._replace(checkpoints=checkpoints), self.folder))

    def _warn(self, error: Exception) -> None:
        now = time.monotonic()
        if now - self._warned_at >= _WARN_SECONDS:
            self._warned_at = now
            text = "%s can't be written (%s): a restart may not find this run's checkpoints."
            warn(text, self.path, error)


_unread: dict[Path, float] = {}
"""When a file that can't be read was told of, in monotonic seconds."""


def _warn_unread(path: Path, error: Exception) -> None:
    if time.monotonic() - _unread.get(path, -_WARN_SECONDS) >= _WARN_SECONDS:
        _unread[path] = time.monotonic()
        warn("%s can't be read (%s); it is not used.", path, error)


def _read(path: Path) -> Identity | None:
    """Read the file; one that another process is in the middle of making is waited for."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        data = _END
        try:
            data = path.read_bytes()
            return _decode(data, path.parent)
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            if data.endswith(_END) or time.monotonic() >= deadline:
                _warn_unread(path, error)
                return None
        time.sleep(_LOOK_SECONDS)


def _decode(data: bytes, folder: Path) -> Identity:
    """Raises ValueError for what is no such file."""
    found = json.loads(data)
    if not isinstance(found, dict):
        raise ValueError("no object")
    run_id, name, project = (str(found.get(field) or "") for field in ("run_id", "name", "project"))
    attempt, owner, saved = found.get("attempt"), found.get("owner"), found.get("checkpoints")
    if not (RUN_ID.fullmatch(run_id) and name and project and isinstance(attempt, int) and attempt > 0):
        raise ValueError("fields are missing")
    if not (isinstance(saved, list) and (owner is None or isinstance(owner, dict))):
        raise ValueError("fields are wrong")
    return Identity(run_id, name, project, attempt, owner, tuple(_decode_checkpoints(saved, folder)))


def _decode_checkpoints(saved: list[Any], folder: Path) -> Iterable[SavedCheckpoint]:
    for one in saved:
        if not (isinstance(one, dict) and isinstance(one.get("id"), str) and isinstance(one.get("path"), str)):
            raise ValueError("a checkpoint is none")
        step = one.get("step")
        is_step = isinstance(step, int | float) and not isinstance(step, bool)
        yield SavedCheckpoint(one["id"], str(folder.absolute() / one["path"]), step if is_step else None)


def _encode(identity: Identity, folder: Path) -> bytes:
    """Paths within the folder are relative to it, so that it may be moved."""
    base = folder.absolute()
    checkpoints = [saved._asdict() for saved in identity.checkpoints]
    for saved in checkpoints:
        if Path(saved["path"]).is_relative_to(base):
            saved["path"] = str(Path(saved["path"]).relative_to(base))
    fields = identity._replace(checkpoints=())._asdict() | {"checkpoints": checkpoints}
    return json.dumps({"format": _FORMAT, **fields}, indent=1).encode() + b"\n"


def _replace(path: Path, data: bytes) -> None:
    """Put a whole file in place of another, in one step. Raises OSError."""
    draft = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        with draft.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError:
        with suppress(OSError):  # the reason is told already
            draft.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _remove_drafts(path: Path) -> None:
    """Remove what processes left that were killed while they wrote."""
    with suppress(OSError):
        for draft in path.parent.glob(f"{path.name}.*.tmp"):
            if time.time() - draft.stat().st_mtime > _DRAFT_SECONDS:
                draft.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """Have the disk keep the new name, where folders can be synced."""
    with suppress(OSError):
        fd = os.open(folder, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


def _digest(wanted: tuple[str, str, str | None]) -> str:
    import hashlib

    return hashlib.sha256("\0".join(part or "" for part in wanted).encode("utf-8", "replace")).hexdigest()[:8]
