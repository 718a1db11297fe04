"""The thread that samples the run's processes, and its host if nobody else does, while the run trains."""

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from stepwire.client.batch import Record
from stepwire.client.clock import Clock
from stepwire.client.imports import load
from stepwire.client.lease import HostLease
from stepwire.client.notice import warn

if TYPE_CHECKING:
    from stepwire.system.host import HostSampler

_FIRST_SECONDS = 1.0  # load needs some time to be counted over
_MODULES = ("psutil", "hashlib", "stepwire.system.host", "stepwire.system.process")
_OPTIONAL = "fcntl"  # not on Windows


class Sampler:
    """Puts a ``system`` record every ``interval`` seconds, the first one sooner.

    A GPU driver that does not answer holds up this thread alone; nothing ever waits for it.

    Args:
        interval: Seconds; 0 for never.
        put: Takes the record.
        destination: Where the records go in the end: of the scripts that name the same, one samples the host.
        rank: The process's place in a distributed run.
        pid: The process that is sampled with its descendants; this one when left out.
    """

    def __init__(
        self,
        interval: float,
        run_id: str,
        put: Callable[[Record], None],
        clock: Clock,
        *,
        destination: str = "",
        rank: int = 0,
        pid: int | None = None,
    ) -> None:
        self._interval = interval
        self._first = min(interval, _FIRST_SECONDS)
        self._run_id = run_id
        self._put = put
        self._clock = clock
        self._rank = rank
        self._pid = pid
        self._lease = HostLease(destination)
        self._stopped = threading.Event()
        self._complained = False

    def start(self) -> None:
        """Start sampling, in a daemon thread."""
        if self._interval <= 0:
            return
        with suppress(RuntimeError):  # the system has no more threads: the run goes without samples
            threading.Thread(target=self._run, name="stepwire-sampler", daemon=True).start()

    def stop(self) -> None:
        """Sample no more. A sample under way is still put."""
        self._stopped.set()

    def after_fork(self) -> None:
        """In a child process: the parent samples it, and keeps the host."""
        self._stopped = threading.Event()  # the inherited one may be locked by the thread that is not here
        self._lease.release()

    def _run(self) -> None:
        pause, observer = self._first, self._prepare()
        try:
            while not self._stopped.wait(pause):
                if observer is None:
                    observer = self._prepare()
                else:
                    pause = self._look(observer)
        finally:
            self._lease.release()

    def _prepare(self) -> "_Observer | None":
        """Load what samples; return None when that fails for now, as when no file descriptor is free."""
        try:
            load(*_MODULES)
            with suppress(ImportError):  # the lease knows how to do without
                load(_OPTIONAL)
            return _Observer(self._run_id, self._lease, self._pid)
        except OSError:  # no file descriptor is free: later
            return None
        except Exception as error:  # noqa: BLE001 - systems have every oddity; the run goes on without samples
            self._complain(error)
            return None

    def _look(self, observer: "_Observer") -> float:
        """Put a sample; return how many seconds to wait until the next one."""
        import psutil

        try:
            sample, is_new = observer.sample(), observer.take_host()
        except (psutil.Error, OSError):  # /proc may be hidden or change under our feet: next time
            return self._interval
        except Exception as error:  # noqa: BLE001 - as above
            self._complain(error)
            return self._interval
        now = self._clock.now()
        self._put({"type": "system", "time": now, "interval": self._interval, "rank": self._rank, **sample})
        for event in observer.take_events():
            self._put({"type": "event", "time": now, **event})
        return self._first if is_new else self._interval

    def _complain(self, error: Exception) -> None:
        if not self._complained:
            self._complained = True
            warn("system metrics are incomplete: %r", error)


class _Observer:
    """What the thread looks with. Made and used by it alone."""

    def __init__(self, run_id: str, lease: HostLease, pid: int | None) -> None:
        from stepwire.system.gpu import Gpus
        from stepwire.system.process import ProcessSampler

        self._run_id = run_id
        self._lease = lease
        self._tree = ProcessSampler(pid)
        self._gpus = Gpus()
        self._host: HostSampler | None = None
        self._told: set[int] = set()
        self.take_host()

    def take_host(self) -> bool:
        """Sample the host from now on if nobody else does; True when that is new."""
        from stepwire.system.host import HostSampler

        if not self._lease.take():
            self._host = None
        elif self._host is None:
            self._host = HostSampler(gpus=self._gpus)
            return True
        return False

    def sample(self) -> dict[str, Any]:
        """Return the fields of a ``system`` record."""
        from dataclasses import asdict

        process = self._tree.sample()
        host = None if self._host is None else self._host.sample((self._run_id,))
        held = self._gpus.memory_of(self._tree.pids, os.environ, None if host is None else host.gpus)
        fields: dict[str, Any] = {
            "process": {name: value for name, value in asdict(process).items() if value is not None}
        }
        if held:
            fields["gpu_memory"] = {str(index): size for index, size in held.items()}
        if host is not None:
            fields |= {"host": asdict(host), "lease": self._lease.seat}
        return fields

    def take_events(self) -> list[dict[str, Any]]:
        """Return an event for each GPU that was lost since the last call and that this run may use."""
        from stepwire.system.gpu import lost_line

        new = {index: name for index, name in self._gpus.lost().items() if index not in self._told}
        self._told.update(new)
        return [
            {
                "level": "error",
                "event": "gpu_lost",
                "message": lost_line(index, name),
                "data": {"gpu": index, "name": name},
            }
            for index, name in new.items()
            if self._gpus.is_visible(index, os.environ)
        ]
