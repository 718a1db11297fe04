"""Client processes that begin together and tell what they did."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

ROOT = Path(__file__).resolve().parents[2]
Order = dict[str, Any]
"""What one process has to do, as its module's ``main`` documents."""


class Crew:
    """One process of ``python -m tests.bench.<module>`` per order; those that are left at the end are killed."""

    def __init__(self, module: str, orders: Sequence[Order]) -> None:
        self._processes = [
            subprocess.Popen(
                [sys.executable, "-m", f"tests.bench.{module}", json.dumps(order)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
            )
            for order in orders
        ]  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self._processes:
            process.kill()
            process.communicate()

    def begin(self) -> None:
        """Wait until all are ready, then have them begin."""
        for process in self._processes:
            _line(process)
        for process in self._processes:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()

    def answers(self) -> list[dict[str, Any]]:
        """What each did, once all have ended."""
        return [json.loads(_line(process)) for process in self._processes]


def together(module: str, orders: Sequence[Order]) -> list[dict[str, Any]]:
    """Have processes do their orders at the same time; what each did."""
    with Crew(module, orders) as crew:
        crew.begin()
        return crew.answers()


def _line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise RuntimeError(f"{process.args[2]} ended with {process.wait()} before it was done")  # type: ignore[index]
    return line


def order() -> Order:
    """In a process of a crew: what it has to do."""
    return dict(json.loads(sys.argv[1]))


def ready() -> None:
    """In a process of a crew: say that all is prepared, and wait for the others."""
    print("ready", flush=True)
    sys.stdin.readline()


def answer(**told: Any) -> None:
    """In a process of a crew: tell what was done."""
    print(json.dumps(told), flush=True)
