"""Stepwire: the SDK, against one server that takes points and shows the page."""

import contextlib
import http.client
import json
import math
import os
import sys
import time
from pathlib import Path
from typing import ClassVar

from common import Contestant, Server, free_port, metric_names, metric_values

BATCH_STEPS = 250
FLUSH_EVERY = 50_000  # steps; the SDK keeps at most 64 MiB that are not acknowledged


class Peer(Contestant):
    """The contestant."""

    name = "stepwire"
    packages = ("stepwire", "msgspec", "websockets", "fastapi", "uvicorn", "sqlalchemy", "numpy")
    import_name = "stepwire.client.monitor"  # what TrainingMonitor needs; `import stepwire` alone loads next to nothing
    variants: ClassVar = {"server": True}
    ingest_variant = "server"
    notes = "one server process; durable means synchronous=FULL and acknowledged"

    def env(self, data):
        """No token, no project: loopback, same user."""
        return {"STEPWIRE_LOG_LEVEL": "error"}

    def server(self, kind, data, port, python):
        """One server does both."""
        executable = Path(python).parent / "stepwire"
        return [str(executable), "up", "--port", str(port), "--no-browser", "--data", data], "/health"

    def open(self, data, url, run, variant):
        """A run is found again by its id."""
        from stepwire import TrainingMonitor

        return TrainingMonitor(run, run_id=run, dashboard_url=url, system_metrics_interval=0)

    def log(self, handle, step, metrics):
        """One log call."""
        handle.log_metrics(metrics, step=step)

    def close(self, handle):
        """Everything is acknowledged, then the run ends."""
        if not handle.flush(120) or handle.dropped:
            raise RuntimeError(f"{handle.dropped} records dropped, or not all acknowledged")
        handle.finish()

    def count(self, data, run):
        """Points by the summaries of the storage, read while no server has it."""
        from stepwire.storage.open import open_storage

        storage = open_storage(Path(data))
        try:
            return sum(found.count for found in storage.series.summaries([run]).get(run, []))
        finally:
            storage.close()

    def ingest_batches(self, data, url, worker, stop_at):
        """The SDK makes batches by itself."""
        handle = self.open(data, url, f"ingest{worker}", "server")
        names, step = metric_names(4), 0
        while time.time() < stop_at:
            for _ in range(BATCH_STEPS):
                handle.log_metrics(metric_values(names, step), step=step)
                step += 1
            if step % FLUSH_EVERY == 0:
                handle.flush(30)
        self.close(handle)
        return step * len(names)

    def load_series(self, data, points, stop_at):
        """The SDK against a server of its own."""
        done = 0
        with _serving(self, data) as url:
            handle = self.open(data, url, "series", "server")
            for step in range(points):
                handle.log_metrics({"loss": math.exp(-step / 2e5) + 0.01 * math.sin(step)}, step=step)
                done += 1
                if done % FLUSH_EVERY == 0:
                    handle.flush(30)
                    if time.time() > stop_at:
                        break
            self.close(handle)
        return {"points": done, "how": "SDK"}

    def load_runs(self, data, runs, stop_at):
        """REST: a run, its points, its end."""
        done, names = 0, metric_names(4)
        with _serving(self, data) as url:
            connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=60)
            for number in range(runs):
                run = f"run{number:04d}"
                rows = [{"step": step, "metrics": metric_values(names, step + number)} for step in range(3)]
                _call(connection, "POST", "/api/runs", {"id": run, "name": run, "config": {"lr": 0.1}})
                _call(connection, "POST", f"/api/runs/{run}/metrics", {"points": rows})
                _call(connection, "PUT", f"/api/runs/{run}", {"status": "completed"})
                done += 1
                if time.time() > stop_at:
                    break
        return {"runs": done}

    def series_requests(self, info):
        """What the page asks for when a chart opens."""
        return [
            (
                "series points=1000 (UI)", "GET", "/api/series?runs=series&key=loss&points=1000", None,
                lambda body: json.loads(body)["stored"] == info["points"],
            )
        ]  # fmt: skip

    def runs_requests(self, info):
        """What the page asks for, and all of them."""
        most = min(info["runs"], 1000)

        def lists(count):
            return lambda body: len(json.loads(body)["runs"]) == count

        return [
            (f"runs limit={most}", "GET", f"/api/runs?limit={most}", None, lists(most)),
            ("runs limit=500 (UI)", "GET", "/api/runs?limit=500", None, lists(min(500, info["runs"]))),
        ]


@contextlib.contextmanager
def _serving(peer, data):
    """A server of its own for as long as the block; yields its address."""
    port = free_port()
    argv, health = peer.server("ingest", data, port, sys.executable)
    server = Server(argv, dict(os.environ), port, health, data, str(Path(data) / ".load-server.log"))
    try:
        yield server.start().url
    finally:
        server.stop()


def _call(connection, method, path, body):
    connection.request(method, path, json.dumps(body), {"Content-Type": "application/json"})
    answer = connection.getresponse()
    told = answer.read()
    if answer.status != 200:
        raise RuntimeError(f"{answer.status} {told[:200]!r}")
