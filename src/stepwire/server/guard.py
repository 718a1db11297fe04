"""Who may speak to this server at all: Host, Origin, size, identity, before any routing.

Pure ASGI on raw headers. The rules are those of ``docs/operations.md`` (Who gets in).
"""

import hmac
import ipaddress
import socket
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from stepwire.errors import ForbiddenError, MalformedError, StepwireError, TooLargeError, UnauthorizedError
from stepwire.server.connection import PEER
from stepwire.server.peer import PeerLookup, same_user
from stepwire.server.problems import problem
from stepwire.server.settings import LOOPBACK_NAMES, MAX_BODY_BYTES, Settings

TOO_LARGE = f"The body is over {MAX_BODY_BYTES // 2**20} MiB; send it in several requests."
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
PUBLIC_PATHS = frozenset({"/health", "/api/session", "/api/version"})
PAGE_PATHS = frozenset({"/", "/index.html", "/favicon.ico", "/favicon.svg"})
FORWARDING_HEADERS = frozenset(
    {b"forwarded", b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-proto", b"via", b"x-real-ip"}
)
CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data: blob:; font-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
SECURITY_HEADERS = [
    (b"content-security-policy", CONTENT_POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
]


class Guard:
    """ASGI middleware that lets a request through or answers it with a problem.

    Args:
        app: What is guarded.
        settings: Names and origins that are allowed.
        token: The access token; a request that carries it is let in from anywhere.
        cookie: Name of the cookie that carries the token for browsers.
        peer_uid: Look-up of the user at the other end of a loopback connection.
    """

    def __init__(self, app: ASGIApp, settings: Settings, token: str, cookie: str, peer_uid: PeerLookup) -> None:
        if not token:
            raise ValueError("A guard without a token would let everybody in.")
        self._app = app
        self._settings = settings
        self._token = token.encode()
        self._cookie = cookie
        self._peer_uid = peer_uid
        self._own_names = LOOPBACK_NAMES | {
            settings.host.lower(),
            *(name.lower() for name in settings.allowed_hosts),
        }
        self._origins = {origin.rstrip("/").lower() for origin in settings.allowed_origins}
        self._machine_names = _machine_names() if settings.host in {"0.0.0.0", "::", ""} else frozenset()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through, or answer it with a problem."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        scope = {**scope, "path": self._below_root(scope["path"])}
        try:
            self.check(scope)
        except StepwireError as error:
            await _refuse(scope, receive, send, error)
            return
        if scope["type"] == "websocket":
            await self._app(scope, receive, send)
        else:
            await self._app(scope, _limited(receive), _with_security_headers(send))

    def check(self, scope: Scope) -> None:
        """Raise unless the request may pass.

        Raises:
            MalformedError: No usable Host header, or a Content-Length that is no number.
            ForbiddenError: Host or Origin is not one of ours.
            TooLargeError: The declared body is over 8 MiB.
            UnauthorizedError: Neither a token nor this machine's same user.
        """
        headers: list[tuple[bytes, bytes]] = scope["headers"]
        if self._is_behind_tls(scope, headers):
            scope["scheme"] = "wss" if scope["type"] == "websocket" else "https"
        host = _only(headers, b"host")
        token_ok = self._has_token(headers)
        name = _host_name(host)
        self._check_host(name, token_ok)
        _check_length(headers)
        self._check_origin(scope, headers, host)
        if not (token_ok or _is_public(scope) or self._is_same_user(scope, headers, name)):
            raise UnauthorizedError(
                "This server wants its access token: open the link that `stepwire up` printed, "
                "or send `Authorization: Bearer TOKEN` (the SDK reads STEPWIRE_API_KEY)."
            )

    def _below_root(self, path: str) -> str:
        """The path without the prefix that a proxy may have left on it."""
        root = self._settings.root_path.rstrip("/")
        return path[len(root) :] if root and path.startswith(f"{root}/") else path

    def _is_behind_tls(self, scope: Scope, headers: list[tuple[bytes, bytes]]) -> bool:
        """Whether a proxy that the operator trusts says that the browser spoke TLS to it."""
        client = scope.get("client")
        trusted = client is not None and client[0] in self._settings.trusted_proxies
        return trusted and _first(headers, b"x-forwarded-proto") == b"https"

    def _check_host(self, name: str, token_ok: bool) -> None:
        known = name in self._own_names or name in self._machine_names
        if self._machine_names and not known:
            known = token_ok or _is_ip(name)
        if not known:
            raise ForbiddenError(f"Host {name[:80]!r} is not this server's; allow it with --allowed-host.", "Host")

    def _check_origin(self, scope: Scope, headers: list[tuple[bytes, bytes]], host: str) -> None:
        unsafe = scope["type"] == "websocket" or scope["method"] not in SAFE_METHODS
        origins = [value.decode("latin-1").lower() for key, value in headers if key == b"origin"]
        if unsafe and origins and not all(self._is_own_origin(origin, host) for origin in origins):
            raise ForbiddenError("Origin is not this server's; allow it with --allowed-origin.", "Origin")
        if unsafe and not origins and self._cookie_token(headers):
            raise ForbiddenError("A browser's request with a cookie must name its Origin.", "Origin")
        site, allowed = _first(headers, b"sec-fetch-site"), bool(origins) and set(origins) <= self._origins
        if site == b"cross-site" and not allowed and (unsafe or not _is_page(scope)):
            raise ForbiddenError("Requests from pages of other sites are refused.", "Sec-Fetch-Site")

    def _is_own_origin(self, origin: str, host: str) -> bool:
        if origin in self._origins:
            return True
        parts = urlsplit(origin)
        return parts.scheme in {"http", "https"} and parts.netloc == host.lower()

    def _has_token(self, headers: list[tuple[bytes, bytes]]) -> bool:
        scheme, _, bearer = (_first(headers, b"authorization") or b"").partition(b" ")
        given = (
            bearer.strip() if scheme.lower() == b"bearer" else self._cookie_token(headers).encode("utf-8", "replace")
        )
        return bool(given) and hmac.compare_digest(given, self._token)

    def _cookie_token(self, headers: list[tuple[bytes, bytes]]) -> str:
        # By hand: other servers on this machine share the browser's cookies, and a parser gives up at their odd ones.
        for header in (value.decode("latin-1") for key, value in headers if key == b"cookie"):
            for part in header.split(";"):
                name, _, value = part.strip().partition("=")
                if name == self._cookie:
                    return value.strip('"')
        return ""

    def _is_same_user(self, scope: Scope, headers: list[tuple[bytes, bytes]], name: str) -> bool:
        if not self._settings.same_user or not (name in LOOPBACK_NAMES or _is_loopback(name)):
            return False
        if any(key in FORWARDING_HEADERS for key, _ in headers):
            return False
        client, server = scope.get("client"), scope.get("server")
        if not client or not server or not _is_loopback(client[0]):
            return False
        known = scope.get("state", {}).get(PEER, {})
        if not known.get("is_ours"):  # to ask takes four system calls, each of which hands the interpreter over
            known["is_ours"] = same_user(self._peer_uid, (client[0], client[1]), (server[0], server[1] or 0))
        return bool(known["is_ours"])


def _only(headers: list[tuple[bytes, bytes]], wanted: bytes) -> str:
    found = [value for key, value in headers if key == wanted]
    if len(found) != 1 or not found[0]:
        raise MalformedError("A request has exactly one Host header.", "Host")
    return found[0].decode("latin-1")


def _first(headers: Iterable[tuple[bytes, bytes]], wanted: bytes) -> bytes | None:
    return next((value for key, value in headers if key == wanted), None)


def _host_name(host: str) -> str:
    try:
        parts = urlsplit(f"//{host}")
        parts.port  # noqa: B018 - raises for a port that is no number
    except ValueError:
        raise MalformedError("The Host header can't be read.", "Host") from None
    if parts.netloc != host or parts.username is not None or not parts.hostname:
        raise MalformedError("The Host header can't be read.", "Host")
    return parts.hostname


def _check_length(headers: list[tuple[bytes, bytes]]) -> None:
    declared = _first(headers, b"content-length") or b"0"
    if not declared.isdigit():
        raise MalformedError("Content-Length must be a number.", "Content-Length")
    if len(declared) > 12 or int(declared) > MAX_BODY_BYTES:
        raise TooLargeError(TOO_LARGE)


def _is_public(scope: Scope) -> bool:
    return scope["type"] == "http" and (scope["path"] in PUBLIC_PATHS or _is_page(scope))


def _is_page(scope: Scope) -> bool:
    """The page itself: it holds no data, and it has to load before it can ask for the token."""
    path: str = scope["path"]
    wanted = path in PAGE_PATHS or path.startswith("/assets/")
    return scope["type"] == "http" and scope["method"] in {"GET", "HEAD"} and wanted


def _is_ip(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _is_loopback(address: str) -> bool:
    return _is_ip(address) and ipaddress.ip_address(address).is_loopback


def _machine_names() -> frozenset[str]:
    return frozenset({socket.gethostname().lower(), socket.getfqdn().lower()})


def _limited(receive: Receive) -> Receive:
    seen = 0

    async def limited() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > MAX_BODY_BYTES:
            # The one kind of exception that FastAPI's body reader passes on unchanged.
            raise HTTPException(413, TOO_LARGE)
        return message

    return limited


def _with_security_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", []), *SECURITY_HEADERS]}
        await send(message)

    return sending


async def _refuse(scope: Scope, receive: Receive, send: Send, error: StepwireError) -> None:
    response = problem(error.status, error.title, error.message, error.field)
    if scope["type"] == "http":
        await response(scope, receive, _with_security_headers(send))
    elif "websocket.http.response" in scope.get("extensions", {}):
        # Refused before the upgrade, with the reason readable by the client.
        await response(scope, receive, send)
    else:
        await send({"type": "websocket.close", "code": 1008, "reason": error.title})
