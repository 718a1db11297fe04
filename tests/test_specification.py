"""``docs/specification.md`` names places and tests that exist, and leaves nothing of the specification out."""

import ast
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/specification.md"
HEADER = ["the specification names", "where it is", "test", "state"]
NAMED = re.compile(r"`((?:src|docs|deploy|tests|frontend|examples)(?:/[\w./-]+)?|Makefile|LICENSE)(?:::([^`]+))?`")
STATES = ("done", "deviates", "planned")


@dataclass(frozen=True)
class Row:
    """One row of the page, with the line it stands on."""

    line: int
    what: str
    where: str
    test: str
    state: str


def cells(line: str) -> list[str]:
    """The cells of a table row; ``\\|`` is a bar inside a cell."""
    return [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line.strip())[1:-1]]


def read_rows(text: str) -> list[Row]:
    """All rows of the tables that have the page's header."""
    rows, inside = [], False
    for number, line in enumerate(text.splitlines(), 1):
        if not line.startswith("|"):
            inside = False
        elif [cell.lower() for cell in cells(line)] == HEADER:
            inside = True
        elif inside and not set(line) <= set("|-: "):
            rows.append(Row(number, *cells(line)))
    return rows


ROWS = read_rows(PAGE.read_text())


@cache
def python_symbols(path: Path) -> frozenset[str]:
    """Every function, class, method, attribute and constant of a Python file, with dots."""
    found: set[str] = set()
    _collect(ast.parse(path.read_text()), "", found)
    return frozenset(found)


def _collect(node: ast.AST, prefix: str, found: set[str]) -> None:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(prefix + child.name)
            _collect(child, f"{prefix}{child.name}.", found)
        elif isinstance(child, ast.AnnAssign | ast.Assign):
            targets = child.targets if isinstance(child, ast.Assign) else [child.target]
            found |= {prefix + target.id for target in targets if isinstance(target, ast.Name)}
        elif not isinstance(child, ast.expr):
            _collect(child, prefix, found)


def fault_of(path_name: str, symbol: str | None) -> str | None:
    """What is wrong with one ``path::symbol``, or ``None``."""
    path = ROOT / path_name
    if not path.exists():
        return f"{path_name} does not exist"
    if symbol is None:
        return None
    if path.suffix == ".py":
        return None if symbol in python_symbols(path) else f"{path_name} has no {symbol}"
    return None if symbol in path.read_text() else f"{path_name} does not hold {symbol!r}"


def faults_of(row: Row) -> list[str]:
    """What is wrong with a row."""
    faults = [f"the cell {name!r} is empty" for name in ("what", "where", "test", "state") if not getattr(row, name)]
    if not row.state.startswith(STATES):
        faults.append(f"the state {row.state!r} is none of {STATES}")
    for name in ("where", "test"):
        cell = getattr(row, name)
        named = NAMED.findall(cell)
        if not named and not row.state.startswith("planned"):
            faults.append(f"{name} names no path: {cell!r}")
        faults += [fault for path, symbol in named if (fault := fault_of(path, symbol or None))]
    if row.state.startswith("deviates") and len(row.state) < 40:
        faults.append("a deviation needs its reason and what serves the same need")
    return faults


def test_every_row_is_whole_and_true() -> None:
    """Each cell is filled, each path, symbol and test that the page names exists."""
    faults = [f"line {row.line}: {fault}" for row in ROWS for fault in faults_of(row)]
    assert faults == []


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("| a | | `tests/test_specification.py` | done |", "'where' is empty"),
        ("| a | `src/no/such.py` | `tests/test_specification.py` | done |", "src/no/such.py does not exist"),
        ("| a | `src/stepwire/protocol.py::Nothing` | `tests/test_specification.py` | done |", "has no Nothing"),
        ("| a | `Makefile` | `tests/test_specification.py::test_nothing` | done |", "has no test_nothing"),
        ("| a | `LICENSE::no such words` | `tests/test_specification.py` | done |", "does not hold"),
        ("| a | somewhere | `tests/test_specification.py` | done |", "names no path"),
        ("| a | `Makefile` | `tests/test_specification.py` | soon |", "is none of"),
        ("| a | `Makefile` | `tests/test_specification.py` | deviates |", "needs its reason"),
    ],
)
def test_a_wrong_row_is_found(line: str, fault: str) -> None:
    """Each kind of mistake in a row is reported, so that the test above can fail."""
    header = f"| {' | '.join(HEADER)} |\n|---|---|---|---|\n"
    (row,) = read_rows(header + line)
    assert fault in "; ".join(faults_of(row))


ENDPOINTS = """
GET /api/runs
GET /api/runs/{run_id}
POST /api/runs
PUT /api/runs/{run_id}
DELETE /api/runs/{run_id}
GET /api/runs/{run_id}/metrics
GET /api/runs/{run_id}/metrics/latest
POST /api/runs/{run_id}/metrics
GET /api/runs/{run_id}/checkpoints
GET /api/checkpoints/{checkpoint_id}
POST /api/runs/{run_id}/checkpoints
DELETE /api/checkpoints/{checkpoint_id}
POST /api/checkpoints/{checkpoint_id}/load
GET /api/system/status
GET /api/system/history
GET /health
GET /api/version
"""
MESSAGES = "subscribe unsubscribe ping metric_update status_change checkpoint_saved error pong subscribed"
SDK = """TrainingMonitor log_metrics save_checkpoint mark_best_checkpoint set_status resume_or_create is_resumed
get_last_checkpoint"""
TABLES = "runs metrics checkpoints system_metrics metrics_aggregated"
INDEXES = "idx_metrics_run_step idx_checkpoints_run idx_metrics_timestamp auto_vacuum"
COMPONENTS = """layout/Dashboard.tsx layout/Panel.tsx layout/Header.tsx runs/RunList.tsx runs/RunDetails.tsx
runs/RunStatus.tsx metrics/MetricsChart.tsx metrics/MetricsTable.tsx metrics/MetricsHistory.tsx
checkpoints/CheckpointList.tsx checkpoints/CheckpointCard.tsx checkpoints/CheckpointActions.tsx
system/SystemStatus.tsx system/ResourceChart.tsx events/EventLog.tsx services/api.ts services/websocket.ts
services/types.ts hooks/useRuns.ts hooks/useMetrics.ts hooks/useWebSocket.ts hooks/useSystemStatus.ts
styles/theme.ts styles/global.css App.tsx"""
VARIABLES = """--bg-primary --bg-secondary --bg-panel --text-primary --text-secondary --text-muted --status-good
--status-warning --status-error --status-info --border-color --font-mono"""
PANELS = """RUN LIST,SYSTEM STATUS,EVENT LOG,LOSS PLOT,LR PLOT,RUN CONFIG,CHECKPOINTS,ACTIONS"""
TESTS = """test_create_run test_log_metrics test_websocket_subscribe test_monitor_log_metrics test_end_to_end_flow
displays real-time metrics"""
FOLDERS = "dashboard.db,checkpoints/<run_id>/,logs/<run_id>.log"
DEPLOYMENT = "stepwire.service nginx.conf logrotate"
LOGGING = "metric_logged checkpoint_validation_failed"
QUESTIONS = "Open question 1,Open question 2,Open question 3,Open question 4"
FUTURE = """Multiple concurrent runs,Experiment comparison,Custom dashboards,Alerts,Distributed training,PostgreSQL,
Authentication,Mobile-responsive,Plugin system"""
NAMES = [
    *ENDPOINTS.strip().splitlines(),
    *(f"`{name}`" for name in f"{MESSAGES} {SDK} {TABLES} {INDEXES} {LOGGING}".split()),
    *f"{COMPONENTS} {VARIABLES} {DEPLOYMENT}".split(),
    *TESTS.replace("displays real-time metrics", "").split(),
    "displays real-time metrics",
    *PANELS.split(","),
    *FOLDERS.split(","),
    *QUESTIONS.split(","),
    *(name.strip() for name in FUTURE.split(",")),
]


@pytest.mark.parametrize("name", NAMES)
def test_everything_that_the_specification_names_has_a_row(name: str) -> None:
    """No row for an endpoint, message, method, table, file, variable or question was left out or lost."""
    assert [row.line for row in ROWS if name in row.what], f"docs/specification.md has no row for {name}"
