"""``stepwire up``: what it prints, what it refuses, how it ends."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

Up = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def up() -> Iterator[Up]:
    """Starts ``stepwire up`` on a free port; whatever still runs when the test ends is ended."""
    started: list[subprocess.Popen[str]] = []

    def start(data: Path, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "stepwire", "up", "--port", "0", "--no-browser", "--data", str(data)]
        kept = {name: value for name, value in os.environ.items() if name != "SSH_CONNECTION"}
        server = subprocess.Popen(
            [*command, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=kept | environment
        )
        started.append(server)
        return server

    yield start
    for server in started:
        server.kill()
        server.communicate()


def first_line(server: subprocess.Popen[str]) -> str:
    """What it says first."""
    assert server.stdout is not None
    return server.stdout.readline()


def end(server: subprocess.Popen[str]) -> tuple[str, str]:
    """Ask it to end and return the rest of its output."""
    server.send_signal(signal.SIGTERM)
    return server.communicate(timeout=15)


def get(url: str, **headers: str) -> Any:
    """GET as JSON."""
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=5) as answer:
        return json.load(answer)


def test_the_first_line_is_the_link(up: Up, tmp_path: Path) -> None:
    """It prints its address, answers there on IPv4 and IPv6, and ends on SIGTERM without a word."""
    server = up(tmp_path)
    url = first_line(server).split()[-1]
    port = url.rpartition(":")[2]
    assert get(f"{url}/health") == {"status": "ok"}
    if socket.has_ipv6:
        assert get(f"http://[::1]:{port}/api/runs")["runs"] == []
    assert end(server) == ("", "")


def test_a_second_server_on_the_folder_is_refused(up: Up, tmp_path: Path) -> None:
    """One line names the process and the address that has it, and the exit code is 1."""
    server = up(tmp_path)
    url = first_line(server).split()[-1]
    second = up(tmp_path)
    output, errors = second.communicate(timeout=15)
    assert second.returncode == 1 and output == ""
    assert len(errors.splitlines()) == 1 and str(server.pid) in errors and url in errors
    end(server)


def test_the_same_server_again_is_told_where_it_runs(up: Up, tmp_path: Path) -> None:
    """With the same port too: the line is about the folder's server, not about another program."""
    server = up(tmp_path)
    url = first_line(server).split()[-1]
    second = up(tmp_path, "--port", url.rpartition(":")[2])
    output, errors = second.communicate(timeout=15)
    assert second.returncode == 1 and output == ""
    assert len(errors.splitlines()) == 1 and f"in use by process {server.pid} at {url}." in errors
    assert get(f"{url}/health") == {"status": "ok"}
    end(server)


def test_a_followed_folder_that_is_not_there_is_told_once(up: Up, tmp_path: Path) -> None:
    """One line names it; the server starts all the same, and says nothing of the folder that is there."""
    server = up(tmp_path, "--follow", str(tmp_path / "nope"), "--follow", str(tmp_path))
    url = first_line(server).split()[-1]
    assert get(f"{url}/health") == {"status": "ok"}
    time.sleep(1.2)  # the folder was looked for more than once
    _, errors = end(server)
    assert errors == f"stepwire: There is no folder {tmp_path / 'nope'} yet. It is followed once it is there.\n"


def test_a_port_that_is_taken_is_named(up: Up, tmp_path: Path) -> None:
    """One line names the port and what to do."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        server = up(tmp_path, "--port", port)
        _, errors = server.communicate(timeout=15)
    assert server.returncode == 1 and port in errors and "--port" in errors and len(errors.splitlines()) == 1


def test_a_wide_bind_makes_and_demands_a_token(up: Up, tmp_path: Path) -> None:
    """On 0.0.0.0 the link holds the token in its fragment; without it nobody gets in from another address."""
    server = up(tmp_path, "--host", "0.0.0.0")
    link = first_line(server).split()[-1]
    address, _, token = link.partition("/#t=")
    port = address.rpartition(":")[2]
    assert len(token) >= 43
    request = f"http://127.0.0.1:{port}/api/runs"
    elsewhere = {"X-Forwarded-For": "192.0.2.1"}  # what comes through a proxy is nobody of this machine
    with pytest.raises(urllib.error.HTTPError) as refused:
        get(request, **elsewhere)
    assert refused.value.code == 401
    refused.value.close()
    assert get(request, Authorization=f"Bearer {token}", **elsewhere)["runs"] == []
    end(server)


def test_under_ssh_the_tunnel_line_is_printed(up: Up, tmp_path: Path) -> None:
    """Whoever came by ssh is told the exact line that forwards the page."""
    server = up(tmp_path, SSH_CONNECTION="198.51.100.7 50000 192.0.2.4 22")
    port = first_line(server).rstrip().rpartition(":")[2]
    assert f"ssh -L {port}:127.0.0.1:{port} " in first_line(server)
    end(server)


def test_sighup_opens_the_log_anew(up: Up, tmp_path: Path) -> None:
    """After logrotate moved the file, the server goes on in a new one."""
    log = tmp_path / "log/stepwire.log"
    server = up(tmp_path / "data", "--log-file", str(log), "--log-level", "debug")
    first_line(server)
    log.rename(tmp_path / "old.log")
    server.send_signal(signal.SIGHUP)
    for _ in range(200):
        if log.exists():
            break
        time.sleep(0.02)
    assert log.exists()
    end(server)


def test_uvicorn_can_run_the_factory(tmp_path: Path) -> None:
    """``uvicorn --factory stepwire.app:create_app`` serves, with settings from STEPWIRE_*."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "uvicorn", "--factory", "stepwire.app:create_app", "--port", str(port)]
    server = subprocess.Popen(
        command, env=os.environ | {"STEPWIRE_DATA": str(tmp_path)}, stderr=subprocess.PIPE, text=True
    )
    assert server.stderr is not None
    while "running on" not in server.stderr.readline():
        assert server.poll() is None
    assert get(f"http://127.0.0.1:{port}/health") == {"status": "ok"}
    server.send_signal(signal.SIGTERM)
    server.communicate(timeout=15)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ([], 2),
        (["nonsense"], 2),
        (["--version"], 0),
        (["up", "--help"], 0),
        (["up", "--port", "x"], 2),
        (["up", "--port", "99999"], 2),
    ],
)
def test_exit_codes_of_the_command_line(arguments: list[str], code: int) -> None:
    """Misuse is 2, help and version are 0, help shows an example."""
    done = subprocess.run([sys.executable, "-m", "stepwire", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == code
    assert "example" in done.stdout or "--help" not in arguments


def test_a_frame_over_4_mib_ends_the_socket(up: Up, tmp_path: Path) -> None:
    """A frame that announces more than 4 MiB is ended with 1009 in a close frame, before it is read."""
    server = up(tmp_path)
    port = int(first_line(server).rstrip().rpartition(":")[2])
    upgrade = (
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "
        + "A" * 22
        + "=="
    )
    with socket.create_connection(("127.0.0.1", port), timeout=10) as viewer:
        viewer.sendall(f"GET /ws HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{upgrade}\r\n\r\n".encode())
        answer = viewer.recv(4096)
        assert answer.startswith(b"HTTP/1.1 101")
        viewer.sendall(b"\x82\xff" + (5_000_000).to_bytes(8, "big") + b"mask")
        frame = viewer.recv(4096)
        assert frame[0] == 0x88 and int.from_bytes(frame[2:4], "big") == 1009
    assert end(server) == ("", "")


def test_text_that_is_not_utf8_ends_the_socket(up: Up, tmp_path: Path) -> None:
    """Invalid UTF-8 in a text frame closes with 1007."""
    from websockets.exceptions import ConnectionClosed
    from websockets.sync.client import connect

    server = up(tmp_path)
    url = first_line(server).split()[-1].replace("http", "ws")
    with connect(f"{url}/ws", compression=None) as viewer:
        with pytest.raises(ConnectionClosed) as closed:
            viewer.send(b"\xff\xfe", text=True)
            viewer.recv(timeout=10)
        assert closed.value.rcvd is not None and closed.value.rcvd.code == 1007
    assert end(server) == ("", "")


def test_a_data_folder_that_can_not_be_is_named(up: Up) -> None:
    """One line names the folder and what to do; no traceback."""
    server = up(Path("/proc/nowhere"))
    _, errors = server.communicate(timeout=15)
    assert server.returncode == 1 and "/proc/nowhere" in errors and "--data" in errors and len(errors.splitlines()) == 1


def test_a_log_level_that_is_none_is_named(up: Up, tmp_path: Path) -> None:
    """A variable that can't be read is told by its name."""
    server = up(tmp_path, STEPWIRE_LOG_LEVEL="loud")
    _, errors = server.communicate(timeout=15)
    assert server.returncode == 1 and "STEPWIRE_LOG_LEVEL" in errors and len(errors.splitlines()) == 1
