"""One training of the demo: its process, and what the server knows of it."""

from pathlib import Path
from typing import Any

from stepwire.client.ids import new_id
from stepwire.demo import leash
from stepwire.demo.server import Server
from stepwire.errors import ConflictError, NotFoundError

MEANT_TO_FAIL = "diverging"


class DemoRun:
    """Starts ``python -m stepwire.demo.training`` and follows it through the REST API.

    Args:
        name: A configuration's name.
        server: Where it logs.
        folder: For its checkpoints and what it prints.
        steps: Train for so many steps; as configured when left out.

    Attributes:
        process: The training.
        is_overdue: Whether it did not stop in time; it is ended then, which is no fault of the training.
    """

    def __init__(self, name: str, server: Server, folder: Path, steps: int | None = None) -> None:
        self.name = name
        self._server = server
        self._address = f"/api/runs/{(run_id := new_id('run'))}"
        self._log = folder / f"{name}.log"
        self._told_to_stop = False
        self.is_overdue = False
        self._known: dict[str, Any] = {}
        given = ["--url", server.url, "--folder", str(folder / name), "--run-id", run_id]
        if steps is not None:
            given += ["--steps", str(steps)]
        self.process = leash.start(["stepwire.demo.training", name, *given], self._log, self._log)

    @property
    def is_alive(self) -> bool:
        """Whether the training goes on."""
        return self.process.poll() is None

    @property
    def status(self) -> str:
        """The run's status as the server has it; ``starting`` before it has any."""
        return str(self._known.get("status", "starting"))

    def look(self) -> None:
        """Read the run from the server, if it is there already."""
        try:
            self._known = self._server.get(self._address)
        except NotFoundError:
            self._known = {}

    def ask_to_stop(self) -> None:
        """Press the dashboard's Stop, once; not while the run has not begun or when it just ended."""
        if self._told_to_stop or not self.is_alive:
            return
        try:
            self._server.post(f"{self._address}/commands", {"command": "stop"})
        except (NotFoundError, ConflictError):
            return
        self._told_to_stop = True

    def last(self, metric: str) -> float | None:
        """Return the newest value of a metric; NaN and infinities too."""
        value = self._known.get("summary", {}).get(metric, {}).get("last")
        return None if value is None else float(value)

    def line(self) -> str:
        """Say where the run is: status, step, loss, accuracy."""
        step, total = self._known.get("step"), self._known.get("total_steps")
        place = "" if step is None else f" {step:,.0f}/{total or 0:,}"
        return f"{self.name} {self.status}{place}{_value(' loss', self.last('train/loss'), '.3g')}" + _value(
            " acc", self.last("val/accuracy"), ".1%"
        )

    def complaint(self) -> str | None:
        """Return what went wrong when the training did not end as it should have."""
        expected = {0, 1} if self.name == MEANT_TO_FAIL else {0}
        if self.is_overdue or self.process.returncode in expected:
            return None
        return f"the training {self.name!r} failed: {leash.last_line(self._log)}"


def _value(label: str, value: float | None, form: str) -> str:
    return "" if value is None else f"{label} {value:{form}}".replace("nan", "NaN")
