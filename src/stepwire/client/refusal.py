"""Why a server ends a connection for good, or for now."""


class FinalError(ConnectionError):
    """The server wants nothing more of this run. ``reason`` says why in a few words."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason} ({detail})")
        self.reason = reason


class RunOwnedError(ConnectionError):
    """Another process owns the run. ``may_be_gone``: it has no connection, ask again."""

    def __init__(self, detail: str, *, may_be_gone: bool) -> None:
        super().__init__(detail)
        self.may_be_gone = may_be_gone


class StreamLostError(ConnectionError):
    """The server counts this stream's records otherwise, as after a restore from a backup."""
