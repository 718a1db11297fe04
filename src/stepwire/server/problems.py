"""Errors as ``application/problem+json`` (RFC 9457). One shape for every error of the HTTP API."""

from typing import Any

import msgspec
import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from stepwire.errors import StepwireError
from stepwire.server.faults import told_faults

log = structlog.get_logger()

_TITLES = {400: "Malformed request", 404: "Not found", 405: "Method not allowed", 413: "Too large"}


def problem(status: int, title: str, detail: str, field: str | None = None) -> Response:
    """The answer to a request that can't be served.

    Args:
        status: HTTP status code, also in the body.
        title: Kind of problem, the same for all of its kind.
        detail: This one, with what to do next.
        field: The request's field to blame, if one is.
    """
    body: dict[str, Any] = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    if field is not None:
        body["field"] = field
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else None
    return Response(encode_json(body), status, headers, media_type="application/problem+json")


def encode_json(body: Any) -> bytes:
    """JSON of plain values; text that UTF-8 can't hold (lone surrogates) is replaced, never an error."""
    try:
        return msgspec.json.encode(body)
    except UnicodeEncodeError:
        return msgspec.json.encode(_printable(body))


def install_problems(app: FastAPI) -> None:
    """Register the handlers that turn exceptions into problems."""
    app.add_exception_handler(StepwireError, _stepwire_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, _http_exception)
    app.add_exception_handler(Exception, _unexpected)


async def _stepwire_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, StepwireError)
    if error.status >= 500:
        log.error("request_failed", path=request.url.path, error=error.message)
    return problem(error.status, error.title, error.message, error.field)


async def _validation_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    kind = request.headers.get("content-type", "")
    if request.method in {"POST", "PUT"} and "json" not in kind:
        told = (
            f"The body is read as JSON only: send the header Content-Type: application/json, not {kind[:80] or 'none'}."
        )
        return problem(422, "Invalid value", told, "Content-Type")
    field, detail = told_faults(error.errors(), getattr(request.scope.get("route"), "body_field", None))
    return problem(422, "Invalid value", detail, field)


async def _http_exception(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    response = problem(error.status_code, _TITLES.get(error.status_code, "Refused"), str(error.detail))
    response.headers.update(error.headers or {})
    return response


async def _unexpected(request: Request, error: Exception) -> Response:
    log.error("request_failed", path=request.url.path, error=repr(error))
    return problem(500, "Internal error", "This is a defect of the server; its log holds the traceback.")


def _printable(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_printable(key): _printable(item) for key, item in value.items()}
    return [_printable(item) for item in value] if isinstance(value, list) else value
