"""Request bodies read strictly: no bare NaN, no lone surrogate, no nesting without end."""

from collections.abc import Callable, Coroutine
from typing import Any

import msgspec
from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from stepwire.errors import InvalidError
from stepwire.server.values import check_depth

HINT = 'JSON has no NaN, Infinity or 1e999; send the strings "NaN", "Infinity" or "-Infinity"'


class _StrictRequest(Request):
    async def json(self) -> Any:
        """The body as JSON. Raises HTTPException 400: the one kind that FastAPI passes on unchanged."""
        try:
            body = msgspec.json.decode(await self.body())
        except (msgspec.MsgspecError, RecursionError, UnicodeError, ValueError) as error:
            raise HTTPException(400, f"The body is not JSON: {error}. ({HINT}.)") from None
        try:
            check_depth(body)
        except InvalidError as error:
            raise HTTPException(400, error.message) from None
        return body


class StrictRoute(APIRoute):
    """A route whose JSON body is read by msgspec: ``APIRouter(route_class=StrictRoute)``."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's hook for the request class."""
        handle = super().get_route_handler()

        async def handle_strictly(request: Request) -> Response:
            return await handle(_StrictRequest(request.scope, request.receive))

        return handle_strictly
