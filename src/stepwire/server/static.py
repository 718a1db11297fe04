"""The built page, with addresses relative to wherever it is served."""

from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Match
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

WEB = Path(__file__).parent / "web"
_FOREVER = "public, max-age=31536000, immutable"


class Page(StaticFiles):
    """The page at ``/`` and its assets. Assets carry their digest in the name and are cached for good."""

    def __init__(self) -> None:
        super().__init__(directory=WEB, html=True, check_dir=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a file; addresses of the API that nothing answers are 404 problems, not pages."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": "The socket's address is /ws."})
            return
        if scope["path"].startswith("/api"):
            allowed = _methods(scope)
            if allowed:
                told = f"{scope['path'][:200]} does not answer {scope['method']}; see /api/docs."
                raise HTTPException(405, told, {"Allow": ", ".join(sorted(allowed))})
            raise HTTPException(404, f"There is no {scope['path'][:200]!r}; see /api/docs.")
        if not (WEB / "index.html").exists():
            await PlainTextResponse("The page is not built. In a checkout run `make frontend`.\n", 503)(
                scope, receive, send
            )
            return
        await super().__call__(scope, receive, send)

    async def get_response(self, path: str, scope: Scope) -> Response:
        """A file of the page."""
        response = await super().get_response(path, scope)
        if isinstance(response, FileResponse):
            immutable = path.startswith("assets/")
            response.headers["Cache-Control"] = _FOREVER if immutable else "no-cache"
        return response


def _methods(scope: Scope) -> set[str]:
    """The methods that some route answers at this path."""
    found: set[str] = set()
    for included in scope["app"].routes:
        for route in getattr(getattr(included, "original_router", None), "routes", [included]):
            if route.matches(scope)[0] is Match.PARTIAL:
                found |= route.methods
    return found
