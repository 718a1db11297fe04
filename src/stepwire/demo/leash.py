"""Child processes that end when their parent does, however it ends: ``python -m stepwire.demo.leash MODULE …``.

The parent holds the other end of the child's standard input. The system closes it with the parent, also after
``kill -9``, and the child then ends itself by SIGTERM.
"""

import os
import runpy
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

END_SECONDS = 6.0
# One thread each: the four trainings share the cores, they don't fight for them.
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")

Process = subprocess.Popen[bytes]


def start(arguments: Sequence[str], output: Path, errors: Path) -> Process:
    """Start ``python -m`` with these arguments; what it prints goes into the two files.

    Ctrl-C in the terminal does not reach it, so that trainings can end before their server.
    """
    with output.open("ab") as out, errors.open("ab") as err:
        return subprocess.Popen(
            [sys.executable, "-m", "stepwire.demo.leash", *arguments],
            stdin=subprocess.PIPE,
            stdout=out,
            stderr=err,
            env=environment(),
            start_new_session=True,
        )


def environment() -> dict[str, str]:
    """Return this process's environment without ``STEPWIRE_*``, and with one thread for linear algebra."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("STEPWIRE_")}
    return kept | dict.fromkeys(_ONE_THREAD, "1")


def end(processes: Iterable[Process]) -> None:
    """End processes by SIGTERM, after ``END_SECONDS`` by force, and wait for them."""
    processes = list(processes)
    try:
        for process in processes:
            process.terminate()
        deadline = time.monotonic() + END_SECONDS
        for process in processes:
            process.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        pass  # those are killed below
    finally:
        for process in processes:
            process.kill()
            process.wait()
            if process.stdin is not None:
                process.stdin.close()


def last_line(path: Path) -> str:
    """Return the last line of a log that is not empty, or what is to be said when there is none."""
    lines = path.read_text("utf-8", "replace").split("\n") if path.exists() else []
    return next((line.strip() for line in reversed(lines) if line.strip()), "it left no word")


def main() -> None:
    """Run a module as ``python -m`` does, until it ends or the parent does."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


def _end_with_parent() -> None:
    while os.read(0, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
