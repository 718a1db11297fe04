"""What a process takes, with all that it started."""

import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from stepwire.system.cgroup import ControlGroups
from stepwire.system.rates import Rates

if TYPE_CHECKING:
    import psutil

T = TypeVar("T")
_PSS_SHARE = 2000  # PSS is read again after this many times as long as the last reading took: 0.05 % of a core
_PSS_MAX_BYTES = 32 * 2**30  # beyond, one reading would keep the kernel busy for a second


@dataclass(frozen=True, slots=True)
class ProcessStatus:
    """One sample of a process and all of its descendants. ``None`` is what the system does not tell.

    Attributes:
        cpu_percent: 100 per busy core.
        memory_used: Resident bytes, added up: what processes share counts for each.
        threads: Threads of all.
        processes: How many there are.
        memory_pss: Bytes, with what processes share counted once in all. Read less often the longer it takes.
        memory_limit: Bytes that the process's control group may use.
        file_descriptors: Open ones.
        disk_read: Bytes per second that came from disk.
        disk_written: Bytes per second that went there.
    """

    cpu_percent: float
    memory_used: int
    threads: int
    processes: int = 1
    memory_pss: int | None = None
    memory_limit: int | None = None
    file_descriptors: int | None = None
    disk_read: float | None = None
    disk_written: float | None = None


@dataclass(slots=True)
class _Taken:
    """Totals of one process, those of its children that have ended included."""

    cpu: float
    memory: int
    threads: int
    files: int | None
    disk: tuple[int, int] | None


class ProcessSampler:
    """Samples a process and its descendants, those too whose parent has ended meanwhile. Not thread-safe.

    Load and rates count from the sample before, at first from the making of the sampler.

    Args:
        pid: The process; this one when left out. It may end: then there are its descendants, or none.
    """

    def __init__(self, pid: int | None = None) -> None:
        import psutil

        self._psutil = psutil
        self._root = os.getpid() if pid is None else pid
        self._groups = ControlGroups()
        self._machine_bytes = psutil.virtual_memory().total
        self._known: dict[int, psutil.Process] = {}
        self._taken: list[_Taken] = []
        self._pss: int | None = None
        self._pss_due = 0.0
        self._look()
        self._rates = Rates(self._totals)

    @property
    def pids(self) -> frozenset[int]:
        """The processes that the last sample found."""
        return frozenset(self._known)

    def sample(self) -> ProcessStatus:
        """Return what they take now."""
        self._look()
        taken = self._taken
        cpu, read, written = self._rates.take() or (0.0, 0.0, 0.0)
        memory, files = sum(one.memory for one in taken), [one.files for one in taken if one.files is not None]
        has_disk = any(one.disk is not None for one in taken)
        return ProcessStatus(
            cpu_percent=round(cpu * 100, 1),
            memory_used=memory,
            threads=sum(one.threads for one in taken),
            processes=len(taken),
            memory_pss=self._shared_once(memory),
            memory_limit=self._limit(),
            file_descriptors=sum(files) if files else None,
            disk_read=read if has_disk else None,
            disk_written=written if has_disk else None,
        )

    def _look(self) -> None:
        """Find the processes and read their totals."""
        self._known = self._find()
        self._taken = [taken for process in self._known.values() if (taken := self._take(process)) is not None]

    def _totals(self) -> tuple[float, ...]:
        disks = [one.disk for one in self._taken if one.disk is not None]
        cpu = sum(one.cpu for one in self._taken)
        return cpu, float(sum(read for read, _ in disks)), float(sum(written for _, written in disks))

    def _find(self) -> "dict[int, psutil.Process]":
        found: dict[int, psutil.Process] = {}
        # Whose parent has ended belongs to init now, and is found only because it was known before.
        for pid in [self._root, *self._known]:
            if pid not in found and (pid not in self._known or self._lives(self._known[pid])):
                for one in (pid, *descendants(pid)):
                    if (process := self._process(one)) is not None:
                        found[one] = process
        return found

    def _process(self, pid: int) -> "psutil.Process | None":
        """The same object each time: it keeps what never changes."""
        try:
            return self._known.get(pid) or self._psutil.Process(pid)
        except self._psutil.Error:  # it has ended since
            return None

    def _lives(self, process: "psutil.Process") -> bool:
        """Whether it is still that process, and not a later one with its number."""
        try:
            return process.is_running()
        except self._psutil.Error:
            return False

    def _take(self, process: "psutil.Process") -> _Taken | None:
        with process.oneshot():
            cpu = self._ask(process.cpu_times)
            if cpu is None:
                return None
            memory = self._ask(process.memory_info)
            disk = self._ask(getattr(process, "io_counters", None))
            return _Taken(
                cpu=cpu.user + cpu.system + cpu.children_user + cpu.children_system,
                memory=0 if memory is None else memory.rss,
                threads=self._ask(process.num_threads) or 0,
                files=self._ask(getattr(process, "num_fds", None)),
                disk=None if disk is None else (disk.read_bytes, disk.write_bytes),
            )

    def _ask(self, question: Callable[[], T] | None) -> T | None:
        """The answer; ``None`` of a process that has ended or belongs to another user, or where nobody can tell."""
        try:
            return None if question is None else question()
        except (self._psutil.Error, OSError):
            return None

    def _limit(self) -> int | None:
        memory = self._groups.memory()
        return None if memory is None or memory.limit >= self._machine_bytes else memory.limit

    def _shared_once(self, resident: int) -> int | None:
        """PSS of all; what was read last while it would cost too much to read it again."""
        began = time.perf_counter()
        if began >= self._pss_due and resident <= _PSS_MAX_BYTES:
            self._pss = _pss(self._known)
            self._pss_due = began + _PSS_SHARE * (time.perf_counter() - began)
        return self._pss if resident <= _PSS_MAX_BYTES else None


def descendants(pid: int) -> list[int]:
    """Return the ids of all processes below one; those of a process that ends meanwhile may be missing."""
    if not os.path.exists("/proc/thread-self/children"):  # noqa: PTH110 - no Path is made for each sample
        return _listed(pid)
    found: list[int] = []
    waiting = [pid]
    while waiting:
        below = _children(waiting.pop())
        found += below
        waiting += below
    return found


def _children(pid: int) -> list[int]:
    folder = f"/proc/{pid}/task"
    try:
        threads = os.listdir(folder)  # noqa: PTH208 - as above
    except OSError:  # it has ended
        return []
    return [int(child) for thread in threads for child in _read(f"{folder}/{thread}/children").split()]


def _listed(pid: int) -> list[int]:
    """The same from a list of all processes, which costs more."""
    import psutil

    try:
        return [child.pid for child in psutil.Process(pid).children(recursive=True)]
    except (psutil.Error, OSError):  # it has ended
        return []


def _pss(pids: Iterable[int]) -> int | None:
    """Proportional set size of some processes in bytes; ``None`` where the kernel does not tell that of any."""
    sizes = [line.split() for pid in pids for line in _read(f"/proc/{pid}/smaps_rollup").splitlines()]
    found = [int(words[1]) * 1024 for words in sizes if len(words) > 1 and words[0] == b"Pss:"]
    return sum(found) if found else None


def _read(path: str) -> bytes:
    """A short file of /proc, without what ``open`` costs."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:  # ended, or not ours
        return b""
    try:
        return os.read(file, 65536)
    except OSError:  # ended while it was open
        return b""
    finally:
        os.close(file)
