"""The fault proxy itself: each fault is what it says, seen from a plain socket."""

import contextlib
import socket
import threading

import pytest
from tests.faults import ACK, FaultProxy


@pytest.fixture
def echo():
    """A server that sends back what it gets; its port."""
    listening = socket.create_server(("127.0.0.1", 0))

    def answer(link):
        with link, contextlib.suppress(OSError):
            while data := link.recv(65536):
                link.sendall(data)

    def serve():
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=answer, args=[listening.accept()[0]], daemon=True).start()

    thread = threading.Thread(target=serve)
    thread.start()
    yield listening.getsockname()[1]
    listening.shutdown(socket.SHUT_RDWR)
    thread.join()
    listening.close()


@pytest.fixture
def proxy(echo):
    """A proxy in front of it."""
    with FaultProxy(echo) as proxy:
        yield proxy


def connect(proxy):
    """A link through the proxy that gives up after 5 s."""
    return socket.create_connection(("127.0.0.1", proxy.port), 5)


def say(link, data=b"hello"):
    """Send and wait for as many bytes."""
    link.sendall(data)
    heard = b""
    while len(heard) < len(data):
        heard += (piece := link.recv(65536))
        if not piece:
            raise EOFError
    return heard


def test_nothing_is_changed_without_a_fault(proxy):
    """A megabyte comes back as it went."""
    data = bytes(range(256)) * 4096
    with connect(proxy) as link:
        threading.Thread(target=link.sendall, args=[data]).start()
        heard = b""
        while len(heard) < len(data):
            heard += link.recv(65536)
    assert heard == data and proxy.accepted == 1


def test_refused_then_there_again_on_the_same_port(proxy):
    """The link ends, nobody listens, and after the fault somebody does."""
    with connect(proxy) as link:
        say(link)
        proxy.refuse()
        assert link.recv(1) == b""
    with pytest.raises(ConnectionRefusedError):
        connect(proxy)
    proxy.heal()
    with connect(proxy) as link:
        assert say(link) == b"hello"


@pytest.mark.parametrize("fault", ["stall", "black_hole"])
def test_a_silent_link_stays_open_and_says_nothing(proxy, fault):
    """Old and new links are open and silent; what was stalled comes later, what was swallowed never."""
    with connect(proxy) as old:
        say(old)
        getattr(proxy, fault)()
        with connect(proxy) as new:
            for link in (old, new):
                link.settimeout(0.2)
                link.sendall(b"hello")
                with pytest.raises(TimeoutError):
                    link.recv(1)
            proxy.heal()
            for link in (old, new):
                link.settimeout(5)
                assert link.recv(5) == (b"hello" if fault == "stall" else b"")


def test_drop_ends_a_link_in_order_and_reset_does_not(proxy):
    """FIN is an end of file, RST an error."""
    with connect(proxy) as link:
        say(link)
        proxy.drop()
        assert link.recv(1) == b""
    with connect(proxy) as link:
        say(link)
        proxy.reset()
        with pytest.raises(ConnectionResetError):
            link.recv(1)


def test_one_acknowledgement_is_cut_off(proxy, echo):
    """The link ends in place of it; the next one passes."""
    proxy.cut_before_ack()
    with connect(proxy) as link:
        assert say(link) == b"hello"
        with pytest.raises((EOFError, ConnectionResetError)):
            say(link, b"\x84\xa4type" + ACK)
    assert proxy.cuts == 1
    with connect(proxy) as link:
        assert say(link, ACK) == ACK


def test_slow_pieces_arrive(proxy):
    """Slow is late, not lost."""
    proxy.slow(0.05)
    with connect(proxy) as link:
        assert say(link) == b"hello"
