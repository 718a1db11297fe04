"""The kernel's word on who is at the other end."""

import os
import socket
import subprocess
import sys

import pytest

from stepwire.server.peer import peer_uid, same_user

CLIENT = """
import os, socket, sys
socket.getaddrinfo("127.0.0.1", 0)  # loads what it needs while it may still read it
os.setuid(int(sys.argv[2]))
socket.create_connection(("127.0.0.1", int(sys.argv[1]))).recv(1)
"""


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_the_own_process_is_the_same_user(address: str) -> None:
    """A connection of this process is this user's, while it lives."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.create_server((address, 0), family=family) as server:
        client = socket.create_connection(server.getsockname()[:2])
        accepted, peer = server.accept()
        assert peer_uid(peer[:2], accepted.getsockname()[:2]) == os.getuid()
        client.close()
        assert peer_uid(peer[:2], accepted.getsockname()[:2]) is None
        accepted.close()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
def test_another_user_is_seen_as_such() -> None:
    """A process of another user is not the same user."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(20)
        process = subprocess.Popen([sys.executable, "-c", CLIENT, str(server.getsockname()[1]), "65534"])
        accepted, peer = server.accept()
        assert peer_uid(peer, accepted.getsockname()) == 65534
        assert not same_user(peer_uid, peer, accepted.getsockname())
        accepted.close()
        process.wait()


def test_what_is_no_connection_is_nobody() -> None:
    """Made-up addresses have no owner."""
    assert peer_uid(("127.0.0.1", 1), ("127.0.0.1", 2)) is None
    assert peer_uid(("testclient", 1), ("127.0.0.1", 2)) is None
