"""Who gets in: Host, Origin, token, same user."""

import http.client
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient, WebSocketDenialResponse
from tests.conftest import LocalClient, same_user

from stepwire.app import access_token, create_app
from stepwire.server.settings import Settings
from stepwire.testing import running_server


def stranger(_client: object, _server: object) -> int:
    """A look-up for which every peer is another user."""
    return 4_000_000


@pytest.fixture
def local(settings: Settings) -> Any:
    """A started server on loopback whose peers are strangers."""
    app = create_app(settings, lookup=stranger)
    with LocalClient(app):
        yield app


def test_a_connection_is_asked_once_whose_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel is asked for each connection, not for each request on it; again where it could not tell."""
    asked: list[int | None] = []
    answers = iter([os.getuid(), None, None, os.getuid(), stranger(None, None), stranger(None, None)])

    def lookup(_client: object, _server: object) -> int | None:
        asked.append(next(answers))
        return asked[-1]

    monkeypatch.setattr("stepwire.app.create_app.__kwdefaults__", {"lookup": lookup})
    with running_server() as server:
        for expected in ([200, 200, 200], [401, 401, 200], [401, 401]):
            connection = http.client.HTTPConnection(server.url.removeprefix("http://"))
            for status in expected:
                connection.request("GET", "/api/runs")
                answer = connection.getresponse()
                answer.read()
                assert answer.status == status
            connection.close()
    assert next(answers, "all asked") == "all asked"


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost:1", "LOCALHOST", "[::1]:9", "127.0.0.1"])
def test_loopback_names_pass_on_any_port(client: TestClient, host: str) -> None:
    """Forwarders remap ports, so only the name counts."""
    assert client.get("/api/runs", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    ["evil.com", "localhost.evil.com", "127.0.0.1.nip.io", "evil.com:8000", "a/?x=", "127.0.0.1@evil.com", "x:y:z", ""],
)
def test_other_hosts_are_refused(client: TestClient, host: str) -> None:
    """A rebinding page carries its own name; HTTP and WebSocket refuse it alike."""
    assert client.get("/api/runs", headers={"Host": host}).status_code in {400, 403}
    with pytest.raises(WebSocketDenialResponse) as denied, client.websocket_connect("/ws", headers={"Host": host}):
        pass
    assert denied.value.status_code in {400, 403}


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.com",
        "https://127.0.0.1:8000.evil.com",
        "null",
        "http://127.0.0.1:9999",
        "file://",
        "http://localhost:8000",
    ],
)
def test_foreign_origins_are_refused(client: TestClient, origin: str) -> None:
    """Origin must be the request's own Host: unsafe methods and sockets are refused before anything runs."""
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        assert client.request(method, "/api/runs/x", json={"name": "x"}, headers={"Origin": origin}).status_code == 403
    with pytest.raises(WebSocketDenialResponse) as denied, client.websocket_connect("/ws", headers={"Origin": origin}):
        pass
    assert denied.value.status_code == 403
    assert client.get("/api/runs").json()["runs"] == []


def test_the_own_origin_passes(client: TestClient) -> None:
    """The page itself may write and watch, also through a forwarded port."""
    for host in ("127.0.0.1:8000", "localhost:4321"):
        headers = {"Host": host, "Origin": f"http://{host}"}
        assert client.post("/api/runs", json={"name": "x"}, headers=headers).status_code == 200
        with client.websocket_connect("/ws", headers=headers) as session:
            session.send_json({"type": "ping"})
            assert session.receive_json() == {"type": "pong"}


def test_pages_of_other_sites_can_not_read(client: TestClient) -> None:
    """A cross-site fetch of data is refused, a link to the page is not."""
    cross = {"Sec-Fetch-Site": "cross-site"}
    assert client.get("/api/runs", headers=cross).status_code == 403
    assert client.get("/", headers=cross).status_code != 403


def test_a_stranger_on_this_machine_needs_the_token(local: FastAPI) -> None:
    """Another user's process is refused everything but health, with the way in told."""
    client = LocalClient(local)
    refused = client.get("/api/runs")
    assert refused.status_code == 401 and "stepwire up" in refused.json()["detail"]
    with pytest.raises(WebSocketDenialResponse) as denied, client.websocket_connect("/ws"):
        pass
    assert denied.value.status_code == 401
    assert client.get("/health").status_code == 200
    assert client.get("/api/runs", headers={"Authorization": f"Bearer {local.state.token}"}).status_code == 200
    assert client.get("/api/runs", headers={"Authorization": "Bearer wrong"}).status_code == 401


def test_the_token_becomes_a_cookie(local: FastAPI) -> None:
    """A browser swaps the token for a cookie; an unsafe request with it must name its Origin."""
    client = LocalClient(local)
    assert client.post("/api/session", json={"token": "wrong"}).status_code == 401
    opened = client.post("/api/session", json={"token": local.state.token})
    assert opened.status_code == 204
    assert {"HttpOnly", "SameSite=strict"} <= set(opened.headers["set-cookie"].split("; "))
    assert client.get("/api/runs").status_code == 200
    assert client.post("/api/runs", json={"name": "x"}).status_code == 403
    assert client.post("/api/runs", json={"name": "x"}, headers={"Origin": "http://127.0.0.1:8000"}).status_code == 200


@pytest.mark.parametrize(
    "headers", [{"X-Forwarded-For": "1.2.3.4"}, {"Forwarded": "for=1.2.3.4"}, {"Via": "1.1 proxy"}]
)
def test_a_proxied_request_is_nobody_on_this_machine(client: TestClient, headers: dict[str, str]) -> None:
    """What came through a proxy is not the same user, though the proxy may be."""
    assert client.get("/api/runs", headers=headers).status_code == 401


def test_only_loopback_peers_are_looked_up(app: FastAPI) -> None:
    """A peer from elsewhere is never the same user, whatever its uid."""
    with LocalClient(app, address="192.0.2.1") as client:
        assert client.get("/api/runs").status_code == 401


def test_a_wide_bind_takes_any_name_with_a_token(tmp_path: Path) -> None:
    """On 0.0.0.0 the token opens under any Host; without it known names get 401 and unknown ones 403."""
    app = create_app(Settings(data=tmp_path, host="0.0.0.0"), lookup=same_user)
    with LocalClient(app, base_url="http://gpu-box.lan:8000", address="192.0.2.1") as client:
        token = {"Authorization": f"Bearer {access_token(tmp_path)}"}
        assert client.get("/api/runs", headers=token).status_code == 200
        assert client.get("/api/runs").status_code == 403
        assert client.get("/api/runs", headers={"Host": "192.0.2.7:8000"}).status_code == 401


def test_allowed_hosts_and_origins(tmp_path: Path) -> None:
    """Names that the operator allows pass; the token is still wanted."""
    settings = Settings(data=tmp_path, allowed_hosts=("dash.example",), allowed_origins=("https://lab.example",))
    app = create_app(settings, lookup=same_user)
    with LocalClient(app) as client:
        token = {"Authorization": f"Bearer {app.state.token}"}
        assert client.get("/api/runs", headers={"Host": "dash.example"}).status_code == 401
        assert client.get("/api/runs", headers=token | {"Host": "dash.example"}).status_code == 200
        assert (
            client.post("/api/runs", json={"name": "x"}, headers={"Origin": "https://lab.example"}).status_code == 200
        )


def test_the_token_is_private_and_kept(tmp_path: Path) -> None:
    """The token file is its owner's alone, and the same at the next start."""
    token = access_token(tmp_path / "data")
    assert (tmp_path / "data/token").stat().st_mode & 0o077 == 0 and len(token) >= 43
    assert access_token(tmp_path / "data") == token


def test_security_headers_are_on_every_answer(client: TestClient) -> None:
    """Content policy and its companions are on pages, data and problems."""
    for path in ("/", "/api/runs", "/api/runs/none"):
        headers = client.get(path).headers
        assert (
            "script-src 'self'" in headers["content-security-policy"]
            and "unsafe" not in headers["content-security-policy"]
        )
        assert headers["x-content-type-options"] == "nosniff" and headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize("left", ["", "short", "\n"])
def test_a_token_file_that_was_cut_off_is_made_anew(tmp_path: Path, left: str) -> None:
    """What a kill or a full disk left of the token opens nothing; a whole one takes its place."""
    (tmp_path / "token").write_text(left)
    app = create_app(Settings(data=tmp_path), lookup=stranger)
    assert len(app.state.token) >= 43 and (tmp_path / "token").read_text().strip() == app.state.token
    with LocalClient(app) as client:
        for headers in (
            {},
            {"Authorization": "Bearer "},
            {"Authorization": f"Bearer {left}"},
            {"Cookie": f"{app.state.cookie}="},
        ):
            assert client.get("/api/runs", headers=headers).status_code == 401


def test_many_first_starts_agree_on_one_token(tmp_path: Path) -> None:
    """Servers that start at the same moment find the same whole token."""
    with ThreadPoolExecutor(8) as pool:
        tokens = set(pool.map(lambda _: access_token(tmp_path), range(64)))
    assert len(tokens) == 1 and len(tokens.pop()) >= 43
    assert [path.name for path in tmp_path.iterdir()] == ["token"]


def test_a_root_path_opens_no_way_round(tmp_path: Path) -> None:
    """With a prefix left on by the proxy the same rules hold, and the API answers below it."""
    app = create_app(Settings(data=tmp_path, root_path="/p"), lookup=stranger)
    with LocalClient(app) as client:
        for path in (
            "/p/api/runs",
            "/p/api/system/status",
            "/api/runs",
            "/p/p/api/runs",
            "/p//api/runs",
            "/q/api/runs",
        ):
            assert client.get(path).status_code in {401, 404}
        token = {"Authorization": f"Bearer {app.state.token}"}
        assert client.get("/p/api/runs", headers=token).json()["runs"] == []


@pytest.mark.parametrize("other", ['prefs={"a":1}; ', "a[b]=1; x@y; ", 'q="; '])
def test_cookies_of_other_servers_on_this_machine_do_no_harm(local: FastAPI, other: str) -> None:
    """Cookies know no ports: whatever another server left in the browser, ours is found."""
    headers = {"Cookie": f"{other}{local.state.cookie}={local.state.token}"}
    assert LocalClient(local).get("/api/runs", headers=headers).status_code == 200


def test_an_allowed_origin_may_read_from_its_own_site(tmp_path: Path) -> None:
    """A page of an allowed origin passes as browsers send it, and is told so by CORS headers; others are not."""
    app = create_app(Settings(data=tmp_path, allowed_origins=("https://lab.example",)), lookup=same_user)
    with LocalClient(app) as client:
        headers = {"Origin": "https://lab.example", "Sec-Fetch-Site": "cross-site"}
        read = client.get("/api/runs", headers=headers)
        assert read.status_code == 200 and read.headers["access-control-allow-origin"] == "https://lab.example"
        other = client.get("/api/runs", headers=headers | {"Origin": "https://evil.example"})
        assert other.status_code == 403 and "access-control-allow-origin" not in other.headers
