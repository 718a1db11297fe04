"""``/api/docs``: the HTTP API as a page, drawn from its own description, without scripts."""

from html import escape
from typing import Any

import msgspec
from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, Response

router = APIRouter(include_in_schema=False)
HEAD = (
    "<!doctype html><html lang='en'><meta charset='utf-8'><meta name='viewport' content='width=device-width'>"
    "<title>Stepwire HTTP API</title><link rel='stylesheet' href='docs.css'><body><h1>Stepwire HTTP API</h1>"
    "<p>The same for machines: <a href='openapi.json'>openapi.json</a>.</p>"
)
STYLE = """
body { background: #000; color: #f2f2f2; font: 14px/1.5 'JetBrains Mono', monospace }
body { margin: 2rem auto; max-width: 70rem; padding: 0 1rem }
h1, h2 { color: #ffa500 } h3 { color: #ffd700; margin: 2rem 0 0 } h3 b { color: #00ffff } a { color: #00ffff }
table { border-collapse: collapse } td { border: 1px solid #333; padding: 2px 8px }
pre { background: #1a1a1a; overflow: auto; padding: 8px }
"""


@router.get("/api/docs")
async def docs(request: Request) -> HTMLResponse:
    """Show every endpoint with its parameters, its body and its answer."""
    document = request.app.openapi()
    parts = [
        _endpoint(path, method, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    schemas = [
        f"<h3 id='{escape(name)}'>{escape(name)}</h3>{_json(found)}"
        for name, found in sorted(document["components"]["schemas"].items())
    ]
    return HTMLResponse(f"{HEAD}{''.join(parts)}<h2>Schemas</h2>{''.join(schemas)}")


@router.get("/api/docs.css")
async def style() -> Response:
    """The page's style, apart from it because the content policy allows none inside."""
    return Response(STYLE, media_type="text/css")


def _endpoint(path: str, method: str, operation: dict[str, Any]) -> str:
    rows = "".join(
        f"<tr><td>{escape(item['name'])}</td><td>{escape(item['in'])}</td><td>{escape(_type(item['schema']))}</td></tr>"
        for item in operation.get("parameters", ())
    )
    body = _content(operation.get("requestBody", {}))
    answer = _content(operation["responses"].get("200", {}))
    return (
        f"<h3><b>{escape(method.upper())}</b> {escape(path)}</h3><p>{escape(operation.get('description', ''))}</p>"
        + (f"<table>{rows}</table>" if rows else "")
        + (f"<p>Body: {_link(body)}</p>" if body else "")
        + (f"<p>Answer: {_link(answer)}</p>" if answer else "")
    )


def _content(found: dict[str, Any]) -> str:
    schema = found.get("content", {}).get("application/json", {}).get("schema", {})
    return str(schema.get("$ref", "")).rpartition("/")[2]


def _link(name: str) -> str:
    return f"<a href='#{escape(name)}'>{escape(name)}</a>"


def _type(schema: dict[str, Any]) -> str:
    options = schema.get("anyOf") or schema.get("enum")
    if options:
        return " or ".join(_type(option) if isinstance(option, dict) else str(option) for option in options)
    return str(schema.get("type", schema.get("$ref", "").rpartition("/")[2]))


def _json(value: Any) -> str:
    return f"<pre>{escape(msgspec.json.format(msgspec.json.encode(value), indent=1).decode())}</pre>"
