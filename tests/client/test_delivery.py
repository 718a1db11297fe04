"""From log_metrics over a real socket to a server that misbehaves: each point is stored exactly once."""

import shutil
import socket
import ssl
import subprocess
import threading
import time

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.client.conftest import IngestServer

from stepwire import TrainingMonitor
from stepwire.client import backoff
from stepwire.client.transport import WebSocketTransport
from stepwire.limits import WINDOW_BYTES
from stepwire.protocol import Batch, Hello


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    """Connect again after 10 ms, so that a test with many faults takes no minutes."""
    monkeypatch.setattr(backoff, "delay", lambda failures, chance: 0.01)


def run(url, points=300, chunk=10):
    """Log some points in portions, each at once on its way, and finish."""
    monitor = TrainingMonitor("test", dashboard_url=url, system_metrics_interval=0)
    for step in range(points):
        monitor.log_metrics({"loss": step, "lr": -step} if step % 3 else {"loss": step}, step)
        if step % chunk == 0:
            monitor._run.sender._hurried = True
            monitor._run.sender._transport.wake()
    assert monitor.flush(30)
    monitor.finish()


def check(server, points=300):
    """Every point is there once, in order, and the run is completed."""
    assert [record["step"] for record in server.records("point")] == list(range(points))
    assert [record["metrics"]["loss"] for record in server.records("point")] == list(range(points))
    assert [record["status"] for record in server.records("status")] == ["completed"]
    assert server.faults == []


@pytest.mark.parametrize("fate", ["drop", "drop after commit", "silent"])
def test_links_cut_in_the_middle(mock_server, fate):
    """Every third batch is lost, or stored without an acknowledgement: nothing is missing, nothing is double."""

    def plan(server, _batch):
        if fate == "silent" and len(server.batches) % 3 == 0:
            threading.Timer(0.02, server._links[-1].close_socket).start()
        return fate if len(server.batches) % 3 == 0 else "ack"

    mock_server.plan = plan
    run(mock_server.url)
    check(mock_server)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    fates=st.lists(
        st.sampled_from(
            [
                "ack",
                "drop",
                "drop after commit",
                {"type": "nack", "code": "retry", "detail": "", "retry_ms": 1},
                {"type": "nack", "code": "gap", "expect": 0, "detail": ""},
            ]
        ),
        max_size=12,
    )
)
def test_any_sequence_of_faults(mock_server, fates):
    """Lost frames, lost acknowledgements and refusals in any order: each point is stored exactly once."""
    mock_server.streams.clear()
    waiting = iter(fates)

    def plan(server, _batch):
        fate = next(waiting, "ack")
        if isinstance(fate, dict) and fate["code"] == "gap":
            return {**fate, "expect": len(server.streams[server.hellos[-1]["writer_id"]]) + 1}
        return fate

    mock_server.plan = plan
    run(mock_server.url, points=60)
    check(mock_server, points=60)


def test_resent_records_are_cut_anew(mock_server):
    """After a lost link what was sent in many frames goes out in fewer, under the same numbers."""
    mock_server.plan = lambda _server, _batch: "silent"
    monitor = TrainingMonitor("test", dashboard_url=mock_server.url, system_metrics_interval=0)
    for step in range(5):
        monitor.log_metrics({"loss": step}, step)
        mock_server.await_(lambda step=step: len(mock_server.records("point")) == step + 1)
    before = len(mock_server.batches)
    mock_server.streams[mock_server.hellos[0]["writer_id"]].clear()
    mock_server.plan = lambda _server, _batch: "ack"
    mock_server._links[-1].close_socket()
    assert monitor.flush(10)
    again = mock_server.batches[before:]
    assert len(again) < before
    assert again[0]["first_seq"] == 1
    monitor.finish()
    check(mock_server, points=5)


def test_no_more_than_the_window_is_on_the_wire(mock_server):
    """A server that acknowledges late never has more than its window unacknowledged."""
    mock_server.window_bytes = 20_000
    open_bytes, most = 0, 0

    def plan(_server, batch):
        nonlocal open_bytes, most
        open_bytes = sum(len(c["values"]) + len(c["steps"]) + len(c["times"]) for c in batch["sets"])
        most = max(most, open_bytes)
        return "ack"

    mock_server.plan = plan
    run(mock_server.url, points=5000, chunk=5000)
    check(mock_server, points=5000)
    assert 0 < most <= 20_000


def test_a_server_that_comes_late_gets_everything(refusing_url):
    """A run that began without a server is delivered from its first record when one starts."""
    port = int(refusing_url.rsplit(":", 1)[1])
    monitor = TrainingMonitor("test", dashboard_url=refusing_url, system_metrics_interval=0)
    for step in range(100):
        monitor.log_metrics({"loss": step}, step)
    assert not monitor.flush(0.1)
    server = IngestServer(port)
    try:
        assert monitor.flush(10)
        monitor.finish()
        check(server, points=100)
        assert server.stored[0]["type"] == "config"
    finally:
        server.stop()


def test_the_token_travels_in_the_authorization_header():
    """api_key is sent as a bearer token, never in the address."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        transport = WebSocketTransport(f"ws://127.0.0.1:{listening.getsockname()[1]}/ws", api_key="t0ken")
        request = []

        def answer():
            link, _ = listening.accept()
            with link:
                request.append(link.recv(4096).decode())
                link.sendall(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(ConnectionError, match="STEPWIRE_API_KEY"):
            transport.open()
        thread.join()
        transport.release()
    assert "Authorization: Bearer t0ken\r\n" in request[0]
    assert "t0ken" not in request[0].splitlines()[0]


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate")
def test_tls_is_spoken_and_checked(tmp_path, monkeypatch):
    """https works with a certificate that the system trusts, megabytes included, and with no other."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    make = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost"
    subprocess.run(["openssl", *make.split(), "-keyout", key, "-out", certificate], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = IngestServer(context=context)
    try:
        stranger = WebSocketTransport(f"wss://localhost:{server.port}/ws")
        with pytest.raises(OSError, match="certificate"):
            stranger.open()
        stranger.release()
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        monitor = TrainingMonitor("test", dashboard_url=f"https://localhost:{server.port}", system_metrics_interval=0)
        for step in range(500):
            monitor.log_metrics({"loss": step} | {f"m{n}": n for n in range(500)}, step)
        assert monitor.flush(30)
        monitor.finish()
        check(server, points=500)
    finally:
        server.stop()


@pytest.mark.parametrize(
    "answer", [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", b"HTTP/1.1 101 X\r\n\r\n"]
)
def test_what_is_no_websocket_server_is_an_error_of_the_connection(answer):
    """Whatever answers, opening ends with an OSError, which the sender knows how to wait out."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        transport = WebSocketTransport(f"ws://127.0.0.1:{listening.getsockname()[1]}/ws")

        def reply():
            link, _ = listening.accept()
            with link:
                link.recv(4096)
                link.sendall(answer)

        thread = threading.Thread(target=reply)
        thread.start()
        with pytest.raises(OSError):
            transport.open()
        thread.join()
        transport.release()


def test_frames_that_nobody_heeds_are_there_at_the_end_of_the_wait(mock_server):
    """They wake nobody; a wake does; and what the network did not take goes on all the same."""
    transport = WebSocketTransport(mock_server.url + "/ws")
    transport.open()
    transport.wait(0)
    transport.send(msgspec.msgpack.encode(Hello("run_1", "w")))
    began = time.monotonic()
    (frame,) = transport.wait(0.3, heeds=False)
    assert b"welcome" in frame and time.monotonic() - began >= 0.3
    transport.send(msgspec.msgpack.encode(Batch(1, 0)))
    mock_server.await_(lambda: mock_server.batches)
    time.sleep(0.05)
    transport.wake()
    began = time.monotonic()
    (frame,) = transport.wait(30, heeds=False)
    assert b"ack" in frame and time.monotonic() - began < 10
    assert transport.wait(0, heeds=False) == []
    for _ in range(64):
        transport.send(msgspec.msgpack.encode({"type": "ping", "padding": bytes(1024 * 1024)}))
    while transport._outgoing:
        transport.wait(1, heeds=False)
    mock_server.await_(lambda: len(mock_server.others) == 64)
    mock_server.stop()
    with pytest.raises(OSError):
        for _ in range(100):
            transport.wait(0.05, heeds=False)
    transport.release()


def test_a_server_that_reads_nothing_does_not_hold_the_sender(mock_server):
    """Megabytes that the network does not take are queued; the sender still hears, and goes on later."""
    transport = WebSocketTransport(mock_server.url + "/ws")
    gate = threading.Event()
    mock_server.plan = lambda _server, _batch: gate.wait(10) and "ack"
    transport.open()
    transport.send(msgspec.msgpack.encode(Hello("run_1", "w")))
    assert b"welcome" in transport.wait(5)[0]
    transport.send(msgspec.msgpack.encode(Batch(1, 0)))
    pings = 0
    while not transport._outgoing:
        transport.send(msgspec.msgpack.encode({"type": "ping", "padding": bytes(1024 * 1024)}))
        pings += 1
        assert pings < 200
    assert transport.wait(0) == []
    gate.set()
    while transport._outgoing:
        transport.wait(1)
    mock_server.await_(lambda: len(mock_server.others) == pings)
    transport.release()


def test_waking_ends_a_wait():
    """wake from another thread ends a wait long before its time, and never blocks, however often."""
    transport = WebSocketTransport("ws://127.0.0.1:1/ws")
    for _ in range(100_000):
        transport.wake()
    assert transport.wait(60) == []
    waker = threading.Timer(0.05, transport.wake)
    waker.start()
    assert transport.wait(60) == []
    waker.join()
    transport.release()
    transport.wake()


def test_large_frames_from_a_server_are_refused(mock_server):
    """A server that sends more than a frame may hold is left; the run is delivered on the next connection."""
    monitor = TrainingMonitor("test", dashboard_url=mock_server.url, system_metrics_interval=0)
    assert monitor.flush(5)
    with pytest.raises(Exception, match=r"1009|close|broken"):
        for _ in range(3):
            mock_server._links[0].send(bytes(WINDOW_BYTES * 2))
            mock_server.await_(lambda: len(mock_server.hellos) > 1)
            mock_server._links[0].send(b"x")
    monitor.log_metrics({"loss": 1})
    assert monitor.flush(5)
    monitor.finish()


def test_without_a_free_file_descriptor_training_goes_on(mock_server, script):
    """A script that has used up its descriptors makes a run and logs; once some are free, all arrives."""
    code = """
    import os, resource, time
    from stepwire import TrainingMonitor
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, most))
    taken = []
    try:
        while True: taken.append(os.open("/dev/null", os.O_RDONLY))
    except OSError:
        pass
    monitor = TrainingMonitor("test", system_metrics_interval=0.1)
    monitor.log_metrics({"loss": 1})
    print(monitor.flush(0.5))
    for descriptor in taken: os.close(descriptor)
    print(monitor.flush(10))
    time.sleep(1)  # samples come again, too
    """
    process = script(code, mock_server.url)
    out, error = process.communicate(timeout=30)
    assert out.splitlines()[1:] == ["False", "True"], error
    assert process.returncode == 0
    assert mock_server.metrics == [{"loss": 1}]
    assert mock_server.records("system")
    assert "Traceback" not in error
