"""A TCP connection, which has one program at its other end for as long as it lasts."""

from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

PEER = "stepwire.peer"
"""In the ``state`` of a request's scope: a dict that all requests of its connection share."""


class Connection(HttpToolsProtocol):
    """uvicorn's connection, which remembers who its peer is: ``uvicorn.Config(http=Connection)``."""

    def __init__(self, config: Any, server_state: Any, app_state: dict[str, Any], **more: Any) -> None:
        super().__init__(config, server_state, {**app_state, PEER: {}}, **more)
