"""A TCP proxy that spoils the link between a training script and a server, as networks do.

```python
with FaultProxy(server.port) as proxy:  # proxy.url is the script's dashboard_url
    proxy.stall()                       # and later
    proxy.heal()
```

| call | what the script sees, until ``heal`` |
|---|---|
| ``refuse()`` | links end, connection refused: no server there |
| ``black_hole()`` | links and new connections stay open, nothing is ever answered, what it sends is swallowed; ``heal`` ends them |
| ``stall()`` | links and new connections stay open, nothing passes in either direction; on ``heal`` it does, in order |
| ``slow(seconds)`` | each piece of up to 64 KiB takes so long, in either direction |

| call | what happens once |
|---|---|
| ``drop()`` | every link ends with FIN, as when a proxy restarts |
| ``reset()`` | every link ends with RST, as when a server is killed |
| ``cut_before_ack(times=1)`` | the next acknowledgement is not passed on: its link ends in place of it, after the server has committed |

``accepted`` counts connections, ``cuts`` the acknowledgements cut off, ``open_links`` what is connected now. One
thread accepts, two serve each link; all end with ``close``. Without a server behind it the proxy hangs up.
"""

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable
from typing import Self

ACK = b"\xa3ack"  # how an acknowledgement's type stands in a MessagePack frame, and in no other message
PIECE_BYTES = 64 * 1024
LOOK_SECONDS = 0.02


class FaultProxy:
    """Passes bytes between a port of its own and a server's, as long as it is let."""

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self._target = (host, port)
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = int(self._listening.getsockname()[1])
        self.url = f"ws://127.0.0.1:{self.port}"
        self.accepted = self.cuts = 0
        self._fault = ""
        self._seconds = 0.0
        self._to_cut = 0
        self._is_closed = False
        self._lock = threading.Lock()
        self._links: set[socket.socket] = set()
        self._to_reset: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._acceptor = self._begin(self._accept, self._listening)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- faults ----------------------------------------------------------------------------------------

    def refuse(self) -> None:
        """Be nobody: end the links and take no connection."""
        self._fault = "refuse"
        _end(self._listening)
        self._acceptor.join(5)
        self.drop()

    def black_hole(self) -> None:
        """Swallow everything and answer nothing."""
        self._fault = "black hole"

    def stall(self) -> None:
        """Hold everything back."""
        self._fault = "stall"

    def slow(self, seconds: float) -> None:
        """Hold each piece back for so long."""
        self._fault, self._seconds = "slow", seconds

    def heal(self) -> None:
        """Pass everything on again, what was stalled first; listen again after ``refuse``."""
        fault, self._fault = self._fault, ""
        if fault == "black hole":
            self.drop()  # what was swallowed is missing
        if fault == "refuse":
            self._listening = socket.create_server(("127.0.0.1", self.port), backlog=64)
            self._acceptor = self._begin(self._accept, self._listening)

    def drop(self) -> None:
        """End every link with FIN."""
        for link in self._open():
            _end(link)

    def reset(self) -> None:
        """End every link with RST."""
        for link in self._open():
            with contextlib.suppress(OSError):  # its threads were quicker
                link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._to_reset.add(link)
            _end(link, socket.SHUT_RD)  # its thread wakes up, and by its close sends the RST

    def cut_before_ack(self, times: int = 1) -> None:
        """End a link in place of passing an acknowledgement on, so many times."""
        with self._lock:
            self._to_cut += times

    @property
    def open_links(self) -> int:
        """Connections of scripts that are open now."""
        return len(self._open()) // 2

    def close(self) -> None:
        """End everything."""
        self._is_closed = True
        _end(self._listening)
        self.drop()
        for thread in self._threads:
            thread.join(5)

    # --- threads ---------------------------------------------------------------------------------------

    def _begin(self, work: Callable[..., None], *arguments: object) -> threading.Thread:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()
        return thread

    def _open(self) -> list[socket.socket]:
        with self._lock:
            return list(self._links)

    def _accept(self, listening: socket.socket) -> None:
        with listening:
            while True:
                try:
                    script = listening.accept()[0]
                except OSError:  # refuse() or close()
                    return
                self.accepted += 1
                try:
                    server = socket.create_connection(self._target, 5)
                except OSError:  # no server there
                    script.close()
                    continue
                server.settimeout(None)
                with self._lock:
                    self._links |= {script, server}
                self._begin(self._pass, script, server, False)
                self._begin(self._pass, server, script, True)

    def _pass(self, source: socket.socket, sink: socket.socket, answers: bool) -> None:
        with contextlib.suppress(OSError):  # either side ended the link
            while data := source.recv(PIECE_BYTES):
                if not self._let_through():
                    continue
                if answers and ACK in data and self._cuts():
                    break
                sink.sendall(data)
        with self._lock:
            self._links -= {source}
        if source not in self._to_reset:
            _end(sink)
        source.close()

    def _let_through(self) -> bool:
        """Wait as the fault wants it; return whether the piece may pass."""
        if self._fault == "slow":
            time.sleep(self._seconds)
        while self._fault == "stall" and not self._is_closed:
            time.sleep(LOOK_SECONDS)
        return self._fault != "black hole"

    def _cuts(self) -> bool:
        with self._lock:
            if not self._to_cut:
                return False
            self._to_cut -= 1
            self.cuts += 1
            return True


def _end(link: socket.socket, how: int = socket.SHUT_RDWR) -> None:
    """Have whoever waits on a socket wake up; its own thread closes it."""
    with contextlib.suppress(OSError):  # ended already
        link.shutdown(how)
