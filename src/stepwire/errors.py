"""Every exception of Stepwire on one page. Imports nothing, so that everything may import it.

Each message says what to do next. The server turns them into ``application/problem+json``
(RFC 9457) with the class's ``status``; the SDK raises them for misuse only.
"""


class StepwireError(Exception):
    """Base of all errors of Stepwire.

    Attributes:
        status: HTTP status code that the server answers with.
        title: Short name of the kind of problem, the same for every instance.
        field: Name of the request field to blame (``"points[3].step"``), or ``None``.
    """

    status = 500
    title = "Internal error"

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field


class MalformedError(StepwireError):
    """The bytes are not what the endpoint reads: broken JSON, a bare NaN, too deep."""

    status = 400
    title = "Malformed request"


class UnauthorizedError(StepwireError):
    """No valid token, and not a process of the server's own user on loopback."""

    status = 401
    title = "Token required"


class ForbiddenError(StepwireError):
    """Refused by Host, Origin or policy, whoever asks."""

    status = 403
    title = "Not allowed"


class NotFoundError(StepwireError):
    """No run, checkpoint or command of that id."""

    status = 404
    title = "Not found"


class ConflictError(StepwireError):
    """The same id or key was used before for something else."""

    status = 409
    title = "Conflict"


class OwnedError(ConflictError):
    """Another process owns the run.

    Attributes:
        retry_seconds: It has no connection; whether it is gone is known after so many seconds. ``None``: it is there.
    """

    title = "Run is owned by another process"

    def __init__(self, message: str, retry_seconds: float | None = None) -> None:
        super().__init__(message, "run_id")
        self.retry_seconds = retry_seconds


class FencedError(ConflictError):
    """This process owned the run until another took it over. Its records are its own to keep."""

    title = "Run was taken over"


class GoneError(StepwireError):
    """The run was deleted; its script is not to bring it back."""

    status = 410
    title = "Gone"


class TooLargeError(StepwireError):
    """Body, frame or field over its limit."""

    status = 413
    title = "Too large"


class InvalidError(StepwireError, ValueError):
    """Well-formed, but a value is wrong. ``field`` names it."""

    status = 422
    title = "Invalid value"


class SequenceGapError(StepwireError):
    """A batch starts past the next record that the stream expects.

    Attributes:
        expected: The sequence number that must come next.
    """

    status = 409
    title = "Records missing"

    def __init__(self, expected: int, got: int) -> None:
        super().__init__(
            f"first_seq is {got}, but the next record of this stream is {expected}; send again from {expected}.",
            field="first_seq",
        )
        self.expected = expected


class DamagedError(StepwireError):
    """What stands for points, or should bring them back, is not what it must be. Nothing was removed or changed."""

    status = 409
    title = "Damaged data"


class StorageFullError(StepwireError):
    """The disk has no room. Nothing was stored and nothing was acknowledged; the SDK keeps its points."""

    status = 507
    title = "Disk full"


class DataFolderInUseError(StepwireError):
    """Another server holds the lock of the data folder. The message names its process id and address."""


class MissingExtraError(StepwireError):
    """A part of Stepwire needs packages that are not installed. The message holds the command that installs them."""
