"""A process that logs through the public SDK as fast as it can."""

import time
from contextlib import redirect_stdout
from io import StringIO

from stepwire import TrainingMonitor
from tests.bench.noise import Noise
from tests.bench.processes import answer, order, ready


def main() -> None:
    """Do one order: ``url``, ``run_id``, ``salt``, ``metrics``, ``rows``."""
    given = order()
    noise, rows = Noise(given["salt"], given["metrics"]), given["rows"]
    names = noise.names
    steps = [dict(zip(names, row, strict=True)) for row in noise.values(0, rows).tolist()]
    with redirect_stdout(StringIO()):  # the SDK prints its link
        monitor = TrainingMonitor(
            "flood", run_id=given["run_id"], dashboard_url=given["url"], system_metrics_interval=0
        )
        monitor.flush(10)
    ready()
    began = time.monotonic()
    for step, metrics in enumerate(steps):
        monitor.log_metrics(metrics, step=step)
    called = time.monotonic()
    kept = monitor.flush(300)
    ended = time.monotonic()
    with redirect_stdout(StringIO()):
        monitor.finish()
    answer(began=began, called=called, ended=ended, kept=kept, dropped=monitor.dropped)


if __name__ == "__main__":
    main()
