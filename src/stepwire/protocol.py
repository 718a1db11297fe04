"""Every message on the socket ``/ws``, as frozen dataclasses: SDK, server and front end share these.

The standard library only. ``docs/websocket.md`` shows each message; the front end's TypeScript types are
generated from here (``make types``). Field order puts what is required first; ``type`` is last because it
has a default, and is the tag by which a message is recognised.

Units: ``time`` and ``*_us`` are integer microseconds since 1970 UTC, ``*_ns`` nanoseconds. A value of a
metric is a finite number or one of the strings ``"NaN"``, ``"Infinity"``, ``"-Infinity"``.
"""

from dataclasses import dataclass, field
from typing import Any, Literal

from stepwire.limits import MAX_FRAME_BYTES, PROTOCOL_VERSION, WINDOW_BYTES

RunStatus = Literal["running", "completed", "failed", "interrupted", "crashed"]
Health = Literal["ok", "stalled", "disconnected"]
Level = Literal["debug", "info", "warning", "error"]
Number = float | str
"""A metric's value in JSON: finite as a number, else ``"NaN"``, ``"Infinity"`` or ``"-Infinity"``."""

# --- viewer → server -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Subscribe:
    """Ask for a run's updates, or with ``run_id`` ``"*"`` for those of the run list.

    Attributes:
        run_id: A run, which may not exist yet, or ``"*"``.
        keys: Metric names or globs (``val/*``) to be told of; all when left out.
        since: ``cursor`` of the last message seen; the server answers ``resync`` when more was committed since.
        logs: Whether to be told the lines that the run prints, too.
    """

    run_id: str
    keys: tuple[str, ...] | None = None
    since: int | None = None
    logs: bool = False
    type: Literal["subscribe"] = "subscribe"


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    """Stop the updates of one run, or of the run list (``"*"``)."""

    run_id: str
    type: Literal["unsubscribe"] = "unsubscribe"


@dataclass(frozen=True, slots=True)
class Ping:
    """Heartbeat, from either side after 15 s without a frame. Answered by ``pong``."""

    type: Literal["ping"] = "ping"


# --- server → viewer -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Subscribed:
    """Answer to ``subscribe``; ``cursor`` counts commits and only grows."""

    run_id: str
    cursor: int
    type: Literal["subscribed"] = "subscribed"


@dataclass(frozen=True, slots=True)
class Unsubscribed:
    """Answer to ``unsubscribe``."""

    run_id: str
    type: Literal["unsubscribed"] = "unsubscribed"


@dataclass(frozen=True, slots=True)
class Points:
    """A burst of one metric: three columns of equal length, in the order of logging."""

    step: list[float]
    time: list[int]
    value: list[Number]


@dataclass(frozen=True, slots=True)
class MetricUpdate:
    """New points of a run, after they were committed.

    Attributes:
        step: The newest step.
        metrics: The newest value of each metric in this message.
        time: When the newest point was logged.
        cursor: Commit that the message ends with.
        since: Commit that it follows: its points are those of the commits ``since < c <= cursor``. A message
            for the run list has no ``since``: it holds newest values only, not every point.
        series: The points themselves when there is more than one step; left out for a single step.
    """

    run_id: str
    step: float | None
    metrics: dict[str, Number]
    time: int | None = None
    cursor: int | None = None
    since: int | None = None
    series: dict[str, Points] | None = None
    type: Literal["metric_update"] = "metric_update"


@dataclass(frozen=True, slots=True)
class StatusChange:
    """A run's status or health changed."""

    run_id: str
    old_status: RunStatus
    new_status: RunStatus
    health: Health = "ok"
    reason: str | None = None
    time: int | None = None
    type: Literal["status_change"] = "status_change"


@dataclass(frozen=True, slots=True)
class CheckpointSaved:
    """A checkpoint was registered, or its best mark or verdict changed."""

    run_id: str
    checkpoint_id: str
    metrics: dict[str, Number]
    step: float | None = None
    number: int | None = None
    is_best: bool = False
    type: Literal["checkpoint_saved"] = "checkpoint_saved"


@dataclass(frozen=True, slots=True)
class RunCreated:
    """A run appeared. Read the rest with ``GET /api/runs/{run_id}``."""

    run_id: str
    number: int
    name: str
    project: str
    type: Literal["run_created"] = "run_created"


@dataclass(frozen=True, slots=True)
class RunDeleted:
    """A run was deleted, with its points."""

    run_id: str
    type: Literal["run_deleted"] = "run_deleted"


@dataclass(frozen=True, slots=True)
class EventMessage:
    """One line of the event log.

    Attributes:
        id: Grows with every event of the server.
        source: What it is about: ``run``, ``sdk``, ``server``, ``checkpoint``, ``command``, ``system``.
        event: Its name in ``snake_case`` (``traceback``, ``checkpoint_saved``), for filters.
    """

    id: int
    time: int
    level: Level
    source: str
    event: str
    message: str
    run_id: str | None = None
    step: float | None = None
    data: dict[str, Any] | None = None
    type: Literal["event"] = "event"


@dataclass(frozen=True, slots=True)
class CommandMessage:
    """A command to a run, sent to the training script and, on each change of state, to viewers.

    Attributes:
        command: What is asked: ``stop``, ``save_checkpoint``, ``evaluate``.
        state: ``sent`` (kept by the server), ``delivered`` (the SDK has it), then the outcome.
        step: Step at which the run acted on it.
    """

    id: str
    run_id: str
    command: str
    args: dict[str, Any] = field(default_factory=dict)
    state: Literal["sent", "delivered", "acknowledged", "refused", "expired"] = "sent"
    step: float | None = None
    message: str | None = None
    time: int | None = None
    type: Literal["command"] = "command"


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line that a run printed.

    Attributes:
        line: Its number in the run, from 0.
        text: Without its end. Colours are SGR codes, nothing else in it acts on a terminal.
        level: As the line itself says, ``info`` when it says nothing.
        rank: The process that printed it, in a distributed run.
        replaces: Number of the line that this one takes the place of: a progress bar has moved on.
    """

    line: int
    time: int
    stream: Literal["stdout", "stderr"]
    text: str
    level: Level = "info"
    rank: int = 0
    replaces: int | None = None


@dataclass(frozen=True, slots=True)
class LogMessage:
    """Lines that a run printed, in order, once they can be read by REST; to viewers who asked for ``logs``."""

    run_id: str
    lines: list[LogLine]
    type: Literal["log"] = "log"


@dataclass(frozen=True, slots=True)
class Resync:
    """This viewer missed updates of the run: read it again by REST.

    Attributes:
        from_step: Only from this step on, when given.
        from_line: Only lines that the run printed were missed, from this number on.
    """

    run_id: str
    from_step: float | None = None
    from_line: int | None = None
    type: Literal["resync"] = "resync"


@dataclass(frozen=True, slots=True)
class GpuProcess:
    """A process that uses a GPU, with how many bytes of its memory; ``None`` where the driver does not tell."""

    pid: int
    memory: int | None = None


@dataclass(frozen=True, slots=True)
class GpuStatus:
    """One GPU, as its driver tells it; what it does not answer is ``None``. Bytes, percent, °C, watts, MHz.

    Attributes:
        utilization: Part of the time in which work ran on it.
        memory_utilization: Part of the time in which its memory was read or written.
        power_limit: What it may draw now.
        sm_clock: Clock of the processors.
        throttle: Why its clocks are lower than they could be, as ``power_cap`` or ``hw_thermal``; empty for no reason.
        ecc_corrected: Memory errors since the driver was loaded.
        ecc_uncorrected: Those that could not be put right.
        processes: Who uses it, the largest first.
        mig: It is split into MIG devices; its utilization is not told then.
        lost: It fell off the bus. Nothing is asked any more.
    """

    index: int
    name: str
    utilization: float | None = None
    memory_used: int | None = None
    memory_total: int | None = None
    temperature: float | None = None
    power: float | None = None
    power_limit: float | None = None
    memory_utilization: float | None = None
    sm_clock: int | None = None
    memory_clock: int | None = None
    throttle: list[str] | None = None
    ecc_corrected: int | None = None
    ecc_uncorrected: int | None = None
    processes: list[GpuProcess] | None = None
    mig: bool = False
    lost: bool = False


@dataclass(frozen=True, slots=True)
class DiskStatus:
    """The file system of the data or working folder in bytes and percent, and bytes per second of all disks."""

    used: int
    total: int
    percent: float
    read: float | None = None
    written: float | None = None


@dataclass(frozen=True, slots=True)
class NetStatus:
    """Bytes per second over all interfaces but loopback."""

    sent: float
    received: float


@dataclass(frozen=True, slots=True)
class HostStatus:
    """One sample of a host. ``cores`` is the load of each core in percent; memory and swap in bytes.

    Attributes:
        load: Processes that run or wait, mean of the last minute.
        cpu_count: Cores that count: in a container with a limit as many as that allows, which may be half a one.
        container: It is a container: memory is that of its limit if it has one, and so is the load in percent.
    """

    host: str
    time: int
    cpu_percent: float
    memory_percent: float
    memory_used: int
    memory_total: int
    cores: list[float] = field(default_factory=list)
    disk: DiskStatus | None = None
    net: NetStatus | None = None
    gpus: list[GpuStatus] = field(default_factory=list)
    runs: list[str] = field(default_factory=list)
    uptime_seconds: float | None = None
    load: float | None = None
    swap_used: int | None = None
    swap_total: int | None = None
    cpu_count: float | None = None
    container: bool = False


@dataclass(frozen=True, slots=True)
class SystemUpdate:
    """A new sample of a host; sent to viewers of the run list (``"*"``)."""

    host: HostStatus
    type: Literal["system_update"] = "system_update"


@dataclass(frozen=True, slots=True)
class ErrorMessage:
    """What was wrong with the last message; the socket stays open. ``field`` names the field to blame."""

    message: str
    field: str | None = None
    type: Literal["error"] = "error"


@dataclass(frozen=True, slots=True)
class Pong:
    """Answer to ``ping``."""

    type: Literal["pong"] = "pong"


# --- training script → server ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Hello:
    """First message of a training script: which stream it is and where it stands. Makes the run if it is new.

    Attributes:
        proto: Protocol versions that the script speaks.
        writer_id: UUIDv4 of this process life; with ``run_id`` it names the stream.
        next_seq: The next record that the script would number.
        boot_id: Identity of the host's boot, so that monotonic times compare.
        process_space: Identity of what its process id counts in: the boot and, on Linux, the container. Where it is
            the server's own, the server sees by itself when the process is gone.
        notebook: The script is a notebook's kernel: when it is gone the run was interrupted, not crashed.
        name: Name for the run if it is new; the ``config`` record brings the rest.
        host: Name of the machine: the owner of a run that left from there is known to be gone at once.
        process: Identity of the process, made anew in each: it never conflicts with itself.
        pid: Id of the process.
        pid_start: When it started, in seconds since 1970.
        take: After ``nack`` ``conflict``: take the run from the process that owns it.
    """

    run_id: str
    writer_id: str
    proto: tuple[int, ...] = (PROTOCOL_VERSION,)
    sdk: str = ""
    rank: int = 0
    world: int = 1
    attempt: int = 1
    mode: Literal["own", "join", "sync"] = "own"
    epoch: int | None = None
    next_seq: int = 1
    boot_id: str = ""
    mono_ns: int = 0
    wall_ns: int = 0
    name: str | None = None
    project: str | None = None
    process_space: str = ""
    notebook: bool = False
    host: str = ""
    process: str = ""
    pid: int | None = None
    pid_start: float | None = None
    take: bool = False
    type: Literal["hello"] = "hello"


@dataclass(frozen=True, slots=True)
class SetColumns:
    """The rows of one metric set in a batch, column by column.

    In a binary frame the four columns are little-endian buffers; in JSON text plain arrays.

    Attributes:
        id: The script's ordinal of the set in its stream, from 0.
        names: The ordered metric names, with the set's first use on each connection.
        at: u32 per row: the record's sequence number minus ``first_seq``.
        steps: int64 per row, or float64 when ``step_type`` is ``"f8"``.
        times: int64 per row.
        values: float64, row-major, one row of all names per record.
    """

    id: int
    at: bytes
    steps: bytes
    times: bytes
    values: bytes
    names: tuple[str, ...] | None = None
    step_type: Literal["i8", "f8"] = "i8"


@dataclass(frozen=True, slots=True)
class Batch:
    """Records ``first_seq … first_seq + n - 1`` of one stream, none left out.

    ``records`` are the records that are not points, each a map with ``at``, ``type`` and the fields that
    ``docs/websocket.md`` lists; unknown types are stored, never refused. ``crc`` is CRC-32 (zlib) over, set by
    set, ``at``, ``steps``, ``times``, ``values``; 0 or left out in JSON text.
    """

    first_seq: int
    n: int
    sets: tuple[SetColumns, ...] = ()
    records: tuple[dict[str, Any], ...] = ()
    crc: int | None = None
    type: Literal["batch"] = "batch"


@dataclass(frozen=True, slots=True)
class CommandResult:
    """What a script did with a command."""

    id: str
    state: Literal["delivered", "acknowledged", "refused"]
    step: float | None = None
    message: str | None = None
    type: Literal["command_result"] = "command_result"


@dataclass(frozen=True, slots=True)
class Bye:
    """The script leaves; ``final_seq`` is its last record."""

    final_seq: int
    type: Literal["bye"] = "bye"


# --- server → training script ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Welcome:
    """Answer to ``hello``: send from ``acked_seq + 1``, at most ``window_bytes`` unacknowledged.

    ``epoch`` counts the processes that owned the run; the newest is the one that may write it.
    """

    server_id: str
    acked_seq: int
    epoch: int = 1
    proto: int = PROTOCOL_VERSION
    max_bytes: int = MAX_FRAME_BYTES
    window_bytes: int = WINDOW_BYTES
    wall_ns: int = 0
    number: int | None = None
    type: Literal["welcome"] = "welcome"


@dataclass(frozen=True, slots=True)
class Ack:
    """Every record up to ``acked_seq`` is committed to disk (``synchronous=FULL``)."""

    acked_seq: int
    type: Literal["ack"] = "ack"


@dataclass(frozen=True, slots=True)
class Nack:
    """The batch was not stored. ``retry`` again after ``retry_ms``; ``gap`` from ``expect``; others: stop.

    ``conflict`` answers a ``hello``: another process owns the run. With ``retry_ms`` it may be gone: ask again then.
    Without, log under another ``run_id``, or say hello again with ``take``.
    """

    code: Literal["retry", "gap", "too_large", "conflict", "fenced", "auth", "gone", "bad"]
    detail: str
    at_seq: int | None = None
    expect: int | None = None
    retry_ms: int | None = None
    type: Literal["nack"] = "nack"


@dataclass(frozen=True, slots=True)
class Credit:
    """New window in bytes; 0 means stop (disk full, overload)."""

    window_bytes: int
    type: Literal["credit"] = "credit"


ViewerMessage = Subscribe | Unsubscribe | Ping | Pong
ServerMessage = (
    Subscribed
    | Unsubscribed
    | MetricUpdate
    | StatusChange
    | CheckpointSaved
    | RunCreated
    | RunDeleted
    | EventMessage
    | CommandMessage
    | LogMessage
    | Resync
    | SystemUpdate
    | ErrorMessage
    | Ping
    | Pong
)
ScriptMessage = Hello | Batch | CommandResult | Bye | Ping | Pong
IngestReply = Welcome | Ack | Nack | Credit | CommandMessage | ErrorMessage | Ping | Pong
