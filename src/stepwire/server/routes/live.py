"""``/ws``: viewers watch, training scripts log. One socket address, two roles."""

import asyncio
import contextlib
import re
import time
from collections import deque
from functools import partial
from typing import Any

import structlog
from fastapi import APIRouter
from starlette.websockets import WebSocket, WebSocketDisconnect

from stepwire.errors import (
    FencedError,
    GoneError,
    InvalidError,
    NotFoundError,
    OwnedError,
    SequenceGapError,
    StepwireError,
    StorageFullError,
)
from stepwire.limits import MAX_NAME_BYTES, PING_AFTER_SECONDS, PROTOCOL_VERSION, SILENT_AFTER_SECONDS, WINDOW_BYTES
from stepwire.protocol import (
    Ack,
    Batch,
    Bye,
    CommandResult,
    ErrorMessage,
    Hello,
    Nack,
    Ping,
    Pong,
    Resync,
    Subscribe,
    Subscribed,
    Unsubscribe,
    Unsubscribed,
    Welcome,
)
from stepwire.server.context import Context, Ctx
from stepwire.server.hub import ALL_RUNS, Viewer
from stepwire.server.ingest import Opened, Outcome
from stepwire.server.wire import decode_binary, decode_text, encode_binary, encode_text
from stepwire.storage.series.interface import Appended

router = APIRouter()
log = structlog.get_logger()
SEND_SECONDS = 10.0
MAX_ERRORS_PER_MINUTE = 10
MAX_WAITING_BYTES = 1024 * 1024
MAX_KEYS = 1000
MAX_SUBSCRIPTIONS = 1000
RETRY_MS = 1000
HELD_SECONDS = 0.05


@router.websocket("/ws")
async def live(socket: WebSocket, context: Ctx) -> None:
    """Serve one socket until either side ends it."""
    await socket.accept()
    connection = Connection(socket, context)
    with contextlib.suppress(WebSocketDisconnect):
        await connection.serve()


class Connection:
    """One socket: its outgoing queue, its subscriptions and, once it said ``hello``, its stream."""

    def __init__(self, socket: WebSocket, context: Context) -> None:
        self._socket = socket
        self._context = context
        self._viewer = Viewer()
        self._binary = False
        self._script: _Script | None = None
        self._errors: deque[float] = deque(maxlen=MAX_ERRORS_PER_MINUTE)
        self._heard = time.monotonic()
        self._pinged = self._heard
        self._direct: deque[bytes] = deque()
        self._direct_bytes = 0
        self._given_up = False

    async def serve(self) -> None:
        """Receive and send until the socket ends; leave nothing behind."""
        receiver = asyncio.current_task()
        assert receiver is not None
        attendants = [asyncio.create_task(work()) for work in (self._send_all, self._keep_alive)]
        for attendant in attendants:
            attendant.add_done_callback(partial(self._give_up, receiver))
        try:
            await self._receive_all()
        except asyncio.CancelledError:
            if not self._given_up:
                raise
            receiver.uncancel()  # it was our own, and it has done its work
        finally:
            self._given_up = True
            for attendant in attendants:
                attendant.cancel()
            self._context.hub.leave(self._viewer)
            if self._script is not None:
                self._script.leave()
            await asyncio.gather(*attendants, return_exceptions=True)

    def _give_up(self, receiver: asyncio.Task[Any], _: asyncio.Task[None]) -> None:
        """The sender or the keeper has ended the socket: who no longer reads must not go on sending."""
        if not self._given_up:
            self._given_up = True
            receiver.cancel()

    def offer(self, message: Any) -> None:
        """Queue a message to this socket, in the encoding that it speaks."""
        if self._binary:
            frame = encode_binary(message)
            self._direct.append(frame)
            self._direct_bytes += len(frame)
            self._viewer.offer("")
            if self._direct_bytes > MAX_WAITING_BYTES:
                raise WebSocketDisconnect(1013, "this script does not read")
        else:
            self._viewer.offer(encode_text(message))

    # --- receiving -------------------------------------------------------------------------------------

    async def _receive_all(self) -> None:
        while True:
            message = await self._socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            self._heard = time.monotonic()
            if self._script is not None:
                self._script.hear()
            try:
                await self._handle(message)
            except StepwireError as error:
                self.offer(ErrorMessage(error.message, error.field))
                if self._is_nuisance():
                    await self._close(1008, "ten messages in a minute could not be used")
                    return
            except WebSocketDisconnect as ended:
                await self._close(ended.code, ended.reason)
                return
            except Exception as error:  # noqa: BLE001 - a defect of ours still ends with a close frame, and is logged
                log.error("socket_failed", error=repr(error))
                await self._close(1011, "a defect of the server; its log tells")
                return

    async def _handle(self, message: Any) -> None:
        data = message.get("bytes")
        if data is None:
            request = decode_text(message["text"])
        else:
            request = decode_binary(data)
            if self._script is None and not isinstance(request, Hello):
                raise InvalidError("A binary frame before a binary hello; viewers speak JSON text.", "type")
        if isinstance(request, Batch):  # first: nearly every message is one
            await self._batch(request, len(data or message["text"]))
        elif isinstance(request, Ping):
            self.offer(Pong())
        elif isinstance(request, Subscribe):
            await self._subscribe(request)
        elif isinstance(request, Unsubscribe):
            self._context.hub.unsubscribe(self._viewer, request.run_id)
            self.offer(Unsubscribed(request.run_id))
        elif isinstance(request, Hello):
            await self._hello(request, binary=data is not None)
        elif not isinstance(request, Pong):
            await self._script_says(request)

    def _is_nuisance(self) -> bool:
        self._errors.append(time.monotonic())
        return len(self._errors) == MAX_ERRORS_PER_MINUTE and self._errors[-1] - self._errors[0] < 60

    async def _subscribe(self, request: Subscribe) -> None:
        self._check_subscription(request)
        store = self._context.storage.series
        self._context.hub.flush(request.run_id)
        self._context.hub.subscribe(self._viewer, request.run_id, request.keys, logs=request.logs)
        listed = request.run_id == ALL_RUNS
        cursor = (
            await self._context.reads(store.cursor)
            if listed
            else await self._context.reads(store.source_cursor, request.run_id)
        )
        self.offer(Subscribed(request.run_id, cursor))
        if request.since is not None and cursor > request.since:
            self.offer(Resync(request.run_id))

    def _check_subscription(self, request: Subscribe) -> None:
        if not 0 < len(request.run_id) <= 64:
            raise InvalidError('run_id must be a run\'s id, or "*".', "run_id")
        if len(request.keys or ()) > MAX_KEYS or any(len(key) > MAX_NAME_BYTES for key in request.keys or ()):
            raise InvalidError(f"keys holds at most {MAX_KEYS} names of {MAX_NAME_BYTES} bytes.", "keys")
        if request.run_id not in self._viewer.keys and len(self._viewer.keys) >= MAX_SUBSCRIPTIONS:
            raise InvalidError(f"A socket watches at most {MAX_SUBSCRIPTIONS} runs.", "run_id")

    # --- training scripts ------------------------------------------------------------------------------

    async def _hello(self, hello: Hello, *, binary: bool) -> None:
        self._binary = binary
        if PROTOCOL_VERSION not in hello.proto:
            self.offer(Nack("bad", f"This server speaks protocol {PROTOCOL_VERSION}; update the older side."))
            return
        _check_hello(hello)
        if self._script is not None:  # first: what spoke here before does not compete with what speaks here now
            self._script.leave()
            self._script = None
        try:
            opened = await self._context.ingest.open(hello)
        except (GoneError, OwnedError, FencedError) as error:
            self.offer(_refusal(error))
            return
        self._script = _Script(self, self._context, hello, opened)
        welcome = Welcome(
            self._context.server_id,
            opened.stream.high,
            epoch=opened.standing.epoch,
            wall_ns=time.time_ns(),
            number=opened.run.number,
        )
        self.offer(welcome)
        for command in await self._context.reads(
            self._context.storage.catalog.list_commands, hello.run_id, open_only=True
        ):
            self.offer(command)

    async def _batch(self, batch: Batch, size: int) -> None:
        if self._script is None:
            raise InvalidError("Say hello first.", "type")
        if self._script.is_full or self._context.storage.series.is_behind:
            await self._script.wait()
        self._script.batch(batch, size)

    async def _script_says(self, request: Any) -> None:
        if self._script is None:
            raise InvalidError("Say hello first.", "type")
        if isinstance(request, CommandResult):
            await self._context.ingest.command_result(self._script.run_id, request)
        elif isinstance(request, Bye):
            self._script.said_bye = True

    # --- sending ---------------------------------------------------------------------------------------

    async def _send_all(self) -> None:
        while True:
            texts = await self._viewer.take()
            try:
                async with asyncio.timeout(SEND_SECONDS):
                    await self._send(texts)
            except TimeoutError:
                await self._close(1013, "this viewer does not read")
                return
            except (WebSocketDisconnect, RuntimeError):
                return  # the socket ended meanwhile; the receiving side cleans up

    async def _send(self, texts: list[str]) -> None:
        while self._direct:
            frame = self._direct.popleft()
            self._direct_bytes -= len(frame)
            await self._socket.send_bytes(frame)
        for text in texts:
            if text:
                await self._socket.send_text(text)

    async def _keep_alive(self) -> None:
        while True:
            await asyncio.sleep(1)
            now = time.monotonic()
            if self._script is not None and self._script.is_full:
                self._heard = now  # it is this server that doesn't read
            if now - self._heard > SILENT_AFTER_SECONDS:
                await self._close(1001, "nothing was heard for 45 s")
                return
            # Counted from what was heard, not sent: one who only listens must get the chance to answer.
            if now - max(self._heard, self._pinged) > PING_AFTER_SECONDS:
                self._pinged = now
                self.offer(Ping())

    async def _close(self, code: int, reason: str) -> None:
        with contextlib.suppress(RuntimeError, WebSocketDisconnect, TimeoutError):
            async with asyncio.timeout(1):
                await self._socket.close(code, reason)


class _Script:
    """A training script's side of a socket: batches in, acknowledgements out, several under way at once.

    What ``sync`` brings of an earlier life says nothing about whether the run lives.

    Attributes:
        said_bye: It leaves for good.
    """

    def __init__(self, connection: Connection, context: Context, hello: Hello, opened: Opened) -> None:
        self.run_id = hello.run_id
        self.said_bye = False
        self._is_life = hello.mode != "sync"
        self._connection = connection
        self._context = context
        self._hello = hello
        self._stream = opened.stream
        self._owned_epoch = opened.owned_epoch
        self._waiting: deque[Batch] = deque()
        self._sizes: dict[int, int] = {}
        self._unacknowledged = 0
        self._at_work = False
        self._is_held = False
        self._room = asyncio.Event()
        self._room.set()
        if self._is_life:
            context.liveness.join(
                hello.run_id,
                connection,
                owner=hello.writer_id if hello.mode == "own" else None,
                space=hello.process_space or None,
                is_notebook=hello.notebook,
            )

    @property
    def is_full(self) -> bool:
        """Whether the script has to wait for the writer."""
        return not self._room.is_set() or self._is_held

    def hear(self) -> None:
        """A frame came: the script lives."""
        if self._is_life:
            self._context.liveness.hear(self.run_id)

    def leave(self) -> None:
        """The socket is gone."""
        self._context.ingest.leave(self._hello, for_good=self.said_bye)
        self._context.liveness.leave(self.run_id, self._connection)

    async def wait(self) -> None:
        """Wait while twice the window is under way, or sealing is far behind."""
        if not self._room.is_set():
            await self._room.wait()
        while self._context.storage.series.is_behind:
            self._is_held = True
            self.hear()  # it is this server that doesn't read
            await asyncio.sleep(HELD_SECONDS)
        self._is_held = False

    def batch(self, batch: Batch, size: int) -> None:
        """Hand a batch to the writer."""
        self._unacknowledged += size
        self._sizes[id(batch)] = size
        if self._unacknowledged > 2 * WINDOW_BYTES:
            self._room.clear()
        self._waiting.append(batch)
        if not self._at_work:
            self._write()

    def _write(self) -> None:
        """Have all that waits written; what arrives until the writer comes to it goes along."""
        self._at_work = True
        written = self._context.ingest.record(self._stream, self._waiting, self._owned_epoch)
        written.add_done_callback(self._answer)

    def _answer(self, done: asyncio.Future[list[Outcome]]) -> None:
        self._at_work = False
        if done.cancelled():
            return
        outcomes = done.result()
        self._unacknowledged -= sum(self._sizes.pop(id(batch)) for batch, _ in outcomes)
        if self._unacknowledged <= WINDOW_BYTES:
            self._room.set()
        with contextlib.suppress(WebSocketDisconnect):  # it does not read; the sender ends it
            self._tell(outcomes)
        if self._waiting:
            self._write()

    def _tell(self, outcomes: list[Outcome]) -> None:
        """One acknowledgement for batches in a row; a refusal for each that was not stored."""
        stored: Appended | None = None
        for batch, outcome in outcomes:
            if isinstance(outcome, Appended):
                if outcome is not stored:
                    self._note_steps(outcome)
                stored = outcome
                continue
            if stored is not None:
                self._connection.offer(Ack(stored.high))
                stored = None
            self._connection.offer(_nack(outcome, batch))
        if stored is not None:
            self._connection.offer(Ack(stored.high))
        _log_batches(self.run_id, outcomes)

    def _note_steps(self, stored: Appended) -> None:
        if self._is_life:
            for columns in stored.sets:
                self._context.liveness.step(self.run_id, columns.times)


def _log_batches(run_id: str, outcomes: list[Outcome]) -> None:
    stored = next((one for _, one in reversed(outcomes) if isinstance(one, Appended) and one.sets), None)
    if stored is not None:
        metrics = sum(len(columns.names) for columns in stored.sets)
        records = sum(batch.n for batch, one in outcomes if isinstance(one, Appended))
        log.debug("metric_logged", run_id=run_id, step=stored.sets[-1].steps[-1], metric_count=metrics, records=records)


def _nack(error: BaseException, batch: Batch) -> Nack:
    if isinstance(error, SequenceGapError):
        return Nack("gap", error.message, at_seq=batch.first_seq, expect=error.expected)
    if isinstance(error, NotFoundError):
        return Nack("gone", error.message, at_seq=batch.first_seq)
    if isinstance(error, FencedError):
        return Nack("fenced", error.message, at_seq=batch.first_seq)
    if isinstance(error, InvalidError):
        return Nack("bad", error.message, at_seq=batch.first_seq)
    full = isinstance(error, StorageFullError)
    log.error("batch_not_stored", error=repr(error))
    return Nack(
        "retry",
        "The disk is full." if full else "The batch could not be stored.",
        at_seq=batch.first_seq,
        retry_ms=RETRY_MS,
    )


def _refusal(error: GoneError | OwnedError | FencedError) -> Nack:
    """The answer to a ``hello`` that opens nothing."""
    if isinstance(error, OwnedError):
        seconds = error.retry_seconds
        return Nack("conflict", error.message, retry_ms=None if seconds is None else int(seconds * 1000) + 1)
    return Nack("gone" if isinstance(error, GoneError) else "fenced", error.message)


def _check_hello(hello: Hello) -> None:
    for field in ("run_id", "writer_id"):
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", getattr(hello, field)):
            raise InvalidError(f"{field} must match [A-Za-z0-9][A-Za-z0-9_-]{{0,63}}.", field)
    for field in ("name", "project"):
        value = getattr(hello, field)
        if value is not None and not 0 < len(value) <= 256:
            raise InvalidError(f"{field} has 1 to 256 characters.", field)
    for field in ("host", "process", "process_space"):
        if len(getattr(hello, field)) > 256:
            raise InvalidError(f"{field} has at most 256 characters.", field)
    for field in ("attempt", "rank", "world"):
        if not 0 <= getattr(hello, field) < 2**31:
            raise InvalidError(f"{field} must be a whole number from 0 to 2^31.", field)
