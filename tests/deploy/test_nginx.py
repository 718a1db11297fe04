"""``deploy/nginx.conf``: accepted by nginx, and a real nginx with it in front of a real server."""

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from websockets.asyncio.client import connect

SITE = Path(__file__).parents[2] / "deploy/nginx.conf"
NAME = "dashboard.example.com"
WRAPPER = """
daemon off; master_process off; pid {folder}/nginx.pid; error_log stderr warn;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    include {site};
}}
"""


def wrap(folder: Path, site: Path) -> Path:
    """A main configuration around the site's, with everything that nginx writes inside ``folder``."""
    wrapper = folder / "main.conf"
    wrapper.write_text(WRAPPER.format(folder=folder, site=site))
    return wrapper


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


@dataclass(frozen=True)
class Site:
    """nginx in front of a server: where nginx listens, and the server's token."""

    port: int
    token: str

    def get(self, path: str, **headers: str) -> tuple[int, bytes]:
        """Ask nginx for a path under the site's name."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", headers={"Host": NAME, **headers})
        try:
            with urllib.request.urlopen(request) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()


@dataclass(frozen=True)
class Server:
    """A running ``stepwire up``: address and port without scheme, and its token."""

    address: str
    token: str


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """``stepwire up`` with the site's name allowed, on a free port."""
    data = tmp_path_factory.mktemp("data")
    command = [
        sys.executable,
        "-m",
        "stepwire",
        "up",
        "--port",
        "0",
        "--data",
        str(data),
        "--allowed-host",
        NAME,
        "--no-browser",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            address = process.stdout.readline().split("http://")[1].strip()
            yield Server(address, (data / "token").read_text().strip())
        finally:
            process.terminate()


@pytest.fixture
def site(tmp_path: Path, server: Server, verifier: Callable[[str, str], str]) -> Iterator[Site]:
    """A running nginx with the site's configuration, its two addresses replaced by free ones."""
    port = free_port()
    copy = tmp_path / "site.conf"
    copy.write_text(
        SITE.read_text().replace("listen 80;", f"listen 127.0.0.1:{port};").replace("127.0.0.1:8000", server.address)
    )
    command = [verifier("nginx", "nginx-light"), "-p", str(tmp_path), "-c", str(wrap(tmp_path, copy))]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        wait_for(port, process)
        yield Site(port, server.token)
    finally:
        process.terminate()
        process.communicate(timeout=10)


def wait_for(port: int, process: subprocess.Popen[str]) -> None:
    """Return once the port takes connections.

    Raises:
        RuntimeError: The process ended, with what it said.
    """
    while process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise RuntimeError(process.communicate()[1])


def test_nginx_accepts_the_configuration(tmp_path: Path, verifier: Callable[[str, str], str]) -> None:
    """``nginx -t`` has nothing to say about the file as it is shipped."""
    if os.getuid() != 0:
        # nginx -t also opens the ports, and port 80 belongs to root.
        site = tmp_path / "site.conf"
        site.write_text(SITE.read_text().replace("listen 80;", "listen 8080;"))
    else:
        site = SITE
    command = [verifier("nginx", "nginx-light"), "-t", "-q", "-p", str(tmp_path), "-c", str(wrap(tmp_path, site))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_nginx_passes_health_and_api(site: Site) -> None:
    """What needs no token and what needs it both arrive, with the site's own name as Host."""
    assert site.get("/health") == (200, b'{"status":"ok"}')
    status, body = site.get("/api/runs", Authorization=f"Bearer {site.token}")
    assert (status, json.loads(body)["runs"]) == (200, [])


def test_a_visitor_through_nginx_is_not_the_servers_own_user(site: Site) -> None:
    """nginx runs as the server's user here, and still its visitors are asked for the token."""
    status, body = site.get("/api/runs")
    assert (status, json.loads(body)["title"]) == (401, "Token required")


def test_a_name_that_is_not_allowed_is_refused_through_nginx(site: Site) -> None:
    """nginx passes Host on unchanged, so that the server's check of names still works."""
    assert site.get("/api/runs", Host="evil.example", Authorization=f"Bearer {site.token}")[0] == 403


async def test_nginx_upgrades_the_socket(site: Site) -> None:
    """A browser's WebSocket under the site's name and origin is upgraded and answered."""
    headers = {"Origin": f"http://{NAME}", "Authorization": f"Bearer {site.token}"}
    uri = f"ws://{NAME}/ws"
    async with asyncio.timeout(20):
        async with connect(uri, host="127.0.0.1", port=site.port, additional_headers=headers) as ws:
            await ws.send(json.dumps({"type": "subscribe", "run_id": "run_1"}))
            assert json.loads(await ws.recv())["type"] == "subscribed"
