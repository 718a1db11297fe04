"""What a record that is not a point does: to the catalog, and for the viewers.

Each function runs in the writer's thread inside the transaction that stores the record, and returns the
messages to publish once that is committed. A type not known here is stored in the journal and does nothing.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import Connection

from stepwire.errors import InvalidError
from stepwire.protocol import (
    CheckpointSaved,
    Health,
    Level,
    Resync,
    RunCreated,
    RunStatus,
    ServerMessage,
    StatusChange,
)
from stepwire.server.problems import encode_json
from stepwire.server.values import check_name, check_step, spoken, to_json
from stepwire.storage.catalog.interface import Catalog, Checkpoint, NewCheckpoint, NewRun, Run
from stepwire.storage.series.interface import SeriesStore

Record = dict[str, Any]
TERMINAL = frozenset({"completed", "failed", "interrupted", "crashed"})
MAX_TEXT = 64 * 1024
MAX_ENVIRONMENT_BYTES = 1024 * 1024
MAX_CONFIG_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Scene:
    """Where a record is applied: the transaction, the catalog and the run.

    ``series`` and ``attempt`` are those of the stream that sent the record.
    """

    tx: Connection
    catalog: Catalog
    run_id: str
    now: int
    series: SeriesStore | None = None
    attempt: int = 1

    def event(self, level: Level, source: str, event: str, message: str, **more: Any) -> ServerMessage:
        """Add to the event log; returns the message for the viewers."""
        when = more.pop("time", self.now)
        return self.catalog.add_event(
            self.tx,
            time=when,
            level=level,
            source=source,
            event=event,
            message=message[:MAX_TEXT],
            run_id=self.run_id,
            **more,
        )


def apply_record(scene: Scene, record: Record) -> list[ServerMessage]:
    """Do what one record asks.

    Raises:
        StepwireError: A field is wrong; nothing was written.
    """
    action = _ACTIONS.get(text(record, "type", 64))
    return action(scene, record) if action else []


def set_status(
    scene: Scene,
    status: RunStatus,
    *,
    health: Health = "ok",
    reason: str | None = None,
    at: int | None = None,
    data: dict[str, Any] | None = None,
) -> list[ServerMessage]:
    """Move a run to a status; an event, with ``data``, and a message for the viewers when that changes anything."""
    ended = at or scene.now
    before, after = scene.catalog.update_run(
        scene.tx,
        scene.run_id,
        {
            "status": status,
            "health": health,
            "reason": reason,
            "end_time": ended if status in TERMINAL else None,
        },
        scene.now,
    )
    if (before.status, before.health) == (after.status, after.health):
        return []
    change = StatusChange(scene.run_id, before.status, status, health, reason, ended)
    what = (
        f"{before.status.upper()} → {status.upper()}"
        if before.status != status
        else f"health {before.health} → {health}"
    )
    level: Level = "error" if status in {"failed", "crashed"} else "warning" if health != "ok" else "info"
    line = what + (f": {reason}" if reason else "")
    expired = scene.catalog.expire_commands(scene.tx, scene.run_id, ended) if status in TERMINAL else []
    return [
        change,
        *expired,
        scene.event(
            level,
            "run",
            "status_change",
            line,
            time=ended,
            data={"old": before.status, "new": status, "health": health} | (data or {}),
        ),
    ]


def announce(run: Run) -> RunCreated:
    """The message that a run appeared."""
    return RunCreated(run.id, run.number, run.name, run.project)


def checkpoint_message(saved: Checkpoint) -> CheckpointSaved:
    """The message that a checkpoint was registered or changed."""
    return CheckpointSaved(saved.run_id, saved.id, saved.metrics, saved.step, saved.number, saved.is_best)


# --- one function per record type ------------------------------------------------------------------------


def _config(scene: Scene, record: Record) -> list[ServerMessage]:
    run = scene.catalog.find_run(scene.tx, scene.run_id)
    changes: dict[str, Any] = {
        "name": text(record, "name", 256),
        "project": text(record, "project", 256, "default"),
        "config": _mapping(record, "config"),
        "tags": tuple(str(tag)[:256] for tag in record.get("tags") or ()),
        "notes": text(record, "notes", MAX_TEXT, ""),
        "group": text(record, "group", 256, "") or None,
        "total_steps": _whole(record, "total_steps"),
        "host": text(record, "host", 256, "") or None,
        "pid": _pid(record),
        "pid_start": record.get("pid_start") if isinstance(record.get("pid_start"), int | float) else None,
        "attempt": scene.attempt,
    }
    environment = {name: record[name] for name in ("python", "argv", "sdk") if name in record}
    started = _whole(record, "start_time") or scene.now
    if run is None:
        new = NewRun(id=scene.run_id, start_time=started, **changes)
        run, _ = scene.catalog.create_run(scene.tx, new, scene.now)
    else:
        since = {"start_time": min(run.start_time or started, started)}  # it may have begun while no server was there
        # Of an earlier life that is delivered late only this counts.
        changes = since if scene.attempt < run.attempt else changes | since
        scene.catalog.update_run(scene.tx, scene.run_id, changes, scene.now)
        run = cast(Run, scene.catalog.find_run(scene.tx, scene.run_id))
    line = f"started on {text(record, 'host', 256, '') or 'an unnamed host'}"
    if scene.attempt > 1:
        line = f"attempt {scene.attempt} {line}"
    return [
        announce(run),
        scene.event("info", "run", "run_started", line, time=started, data=environment or None),
    ]


def _config_update(scene: Scene, record: Record) -> list[ServerMessage]:
    changes = _mapping(record, "config")
    run = scene.catalog.find_run(scene.tx, scene.run_id)
    config = (dict(run.config) if run else {}) | changes
    if len(encode_json(config)) > MAX_CONFIG_BYTES:
        raise InvalidError("config would be over 4 MiB.", "config")
    _, run = scene.catalog.update_run(scene.tx, scene.run_id, {"config": config}, scene.now)
    line = f"config: {', '.join(list(changes)[:10])}{' …' if len(changes) > 10 else ''}"
    return [announce(run), scene.event("info", "run", "config_updated", line, time=_when(scene, record))]


def _event(scene: Scene, record: Record) -> list[ServerMessage]:
    level = record.get("level", "info")
    if level not in {"debug", "info", "warning", "error"}:
        raise InvalidError("level must be debug, info, warning or error.", "level")
    data = record.get("data") if isinstance(record.get("data"), dict) else None
    step = record.get("step")
    return [
        scene.event(
            cast(Level, level),
            "run",
            text(record, "event", 128, "event"),
            text(record, "message", MAX_TEXT),
            time=_when(scene, record),
            step=float(step) if isinstance(step, int | float) else None,
            data=data,
        )
    ]


def _status(scene: Scene, record: Record) -> list[ServerMessage]:
    status = record.get("status")
    if status not in {"running", *TERMINAL}:
        raise InvalidError("status must be running, completed, failed, interrupted or crashed.", "status")
    run = scene.catalog.find_run(scene.tx, scene.run_id)
    if run is not None and scene.attempt < run.attempt:
        return []  # the last word of an earlier life, delivered late
    if run is not None and status == "crashed" and run.status in TERMINAL:
        return []  # the judgement of who found the spool; this server knows better
    reason = text(record, "reason", 1024, "") or None
    return set_status(scene, cast(RunStatus, status), reason=reason, at=_when(scene, record))


def _checkpoint(scene: Scene, record: Record) -> list[ServerMessage]:
    new = NewCheckpoint(
        id=text(record, "id", 64),
        run_id=scene.run_id,
        filepath=text(record, "filepath", 4096),
        step=record.get("step"),
        metrics=_mapping(record, "metrics"),
        metadata=_mapping(record, "metadata"),
        size=_whole(record, "size"),
        sha256=text(record, "sha256", 64, "") or None,
        verdict=text(record, "verdict", 32, "registered"),
        created_at=_when(scene, record),
    )
    saved, fresh = scene.catalog.register_checkpoint(scene.tx, new, scene.now)
    if not fresh:
        known = {"size": new.size, "sha256": new.sha256, "verdict": new.verdict}
        saved = scene.catalog.update_checkpoint(
            scene.tx, saved.id, {name: value for name, value in known.items() if value is not None}
        )
    messages: list[ServerMessage] = [checkpoint_message(saved)]
    if new.verdict == "missing":
        line = f"ckpt_{saved.number:04d}: there is no file {new.filepath}"
        messages.append(
            scene.event("warning", "checkpoint", "checkpoint_missing", line, time=_when(scene, record), step=new.step)
        )
    elif fresh:
        line = (
            f"ckpt_{saved.number:04d} saved at step {spoken(new.step)}"
            if new.step is not None
            else f"ckpt_{saved.number:04d} saved"
        )
        messages.append(
            scene.event("info", "checkpoint", "checkpoint_saved", line, time=_when(scene, record), step=new.step)
        )
    return messages


def _best(scene: Scene, record: Record) -> list[ServerMessage]:
    saved = scene.catalog.mark_best(scene.tx, text(record, "checkpoint_id", 64))
    line = f"ckpt_{saved.number:04d} is best"
    return [
        checkpoint_message(saved),
        scene.event("info", "checkpoint", "checkpoint_best", line, time=_when(scene, record), step=saved.step),
    ]


def _total_steps(scene: Scene, record: Record) -> list[ServerMessage]:
    scene.catalog.update_run(scene.tx, scene.run_id, {"total_steps": _whole(record, "total_steps")}, scene.now)
    return []


def _define_metric(scene: Scene, record: Record) -> list[ServerMessage]:
    run = scene.catalog.find_run(scene.tx, scene.run_id)
    name = check_name(text(record, "name", 512), "name")
    definition = {part: record[part] for part in ("goal", "unit", "x", "rank") if record.get(part) is not None}
    known = dict(run.metric_definitions) if run else {}
    scene.catalog.update_run(scene.tx, scene.run_id, {"metric_definitions": known | {name: definition}}, scene.now)
    return []


def _gap(scene: Scene, record: Record) -> list[ServerMessage]:
    count = _whole(record, "count") or 0
    line = f"{count:,} points were dropped by the training script: {text(record, 'reason', 256, 'no reason given')}"
    return [scene.event("warning", "sdk", "gap", line, time=_when(scene, record), data={"count": count})]


def _rewind(scene: Scene, record: Record) -> list[ServerMessage]:
    step = check_step(record.get("step"), "step")
    assert scene.series is not None
    scene.series.rewind(scene.tx, scene.run_id, scene.attempt, step)
    run = scene.catalog.find_run(scene.tx, scene.run_id)
    if run is not None and run.attempt < scene.attempt:
        scene.catalog.update_run(scene.tx, scene.run_id, {"attempt": scene.attempt}, scene.now)
    line = f"attempt {scene.attempt} goes on from step {spoken(step)}; what was logged past it before is superseded"
    return [
        Resync(scene.run_id),
        scene.event("info", "run", "rewound", line, time=_when(scene, record), step=float(step)),
    ]


_ENVIRONMENT: dict[str, tuple[type, str]] = {
    "command": (list, "a list"),
    "folder": (str, "text"),
    **dict.fromkeys(("python", "packages", "variables", "git", "hardware"), (dict, "an object")),
}


def _environment(scene: Scene, record: Record) -> list[ServerMessage]:
    found = {name: record[name] for name in _ENVIRONMENT if name in record}
    for name, value in found.items():
        kind, told = _ENVIRONMENT[name]
        if value is not None and not isinstance(value, kind):
            raise InvalidError(f"{name} must be {told}.", name)
    if len(encode_json(found)) > MAX_ENVIRONMENT_BYTES:
        raise InvalidError("An environment record has at most 1 MiB.")
    scene.catalog.add_environment(scene.tx, scene.run_id, scene.attempt, _when(scene, record), found)
    return []


_ACTIONS: dict[str, Callable[[Scene, Record], list[ServerMessage]]] = {
    "config": _config,
    "config_update": _config_update,
    "event": _event,
    "status": _status,
    "checkpoint": _checkpoint,
    "best": _best,
    "total_steps": _total_steps,
    "define_metric": _define_metric,
    "environment": _environment,
    "gap": _gap,
    "rewind": _rewind,
}


# --- fields ----------------------------------------------------------------------------------------------


def text(record: Record, field: str, limit: int, default: str | None = None) -> str:
    """A text field of at most ``limit`` characters; longer text is cut, never refused.

    Raises:
        InvalidError: Not text, or missing without a default.
    """
    value = record.get(field)
    if value is None and default is not None:
        return default
    if not isinstance(value, str):
        raise InvalidError(f"{field} must be text.", field)
    return value[:limit]


def _pid(record: Record) -> int | None:
    pid = _whole(record, "pid")
    return pid if pid is not None and 0 < pid < 2**31 else None


def _whole(record: Record, field: str) -> int | None:
    value = record.get(field)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > 2**62:
        raise InvalidError(f"{field} must be a whole number.", field)
    return value


def _mapping(record: Record, field: str) -> dict[str, Any]:
    value = record.get(field)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise InvalidError(f"{field} must be an object.", field)
    return {str(name): to_json(item) if isinstance(item, float) else item for name, item in value.items()}


def _when(scene: Scene, record: Record) -> int:
    return _whole(record, "time") or scene.now


def now_us() -> int:
    """Now, in µs since 1970."""
    return time.time_ns() // 1000
