"""``stepwire run`` in a terminal: the command sees one, and its keys do what they do without it."""

import fcntl
import os
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import termios
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

RUN = [sys.executable, "-m", "stepwire", "run", "--"]


class Terminal:
    """A terminal with a program in it, and hands to type."""

    def __init__(self, folder: Path, *words: str, rows: int = 30, columns: int = 100) -> None:
        self._ours, theirs = os.openpty()
        self.resize(rows, columns)
        environment = os.environ | {
            "STEPWIRE_MODE": "offline",
            "STEPWIRE_DIR": str(folder / "kept"),
            "PS1": "$ ",
            "TERM": "dumb",
        }
        self.process = subprocess.Popen(
            words,
            cwd=folder,
            env=environment,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            preexec_fn=lambda: os.login_tty(theirs),
            pass_fds=[theirs],
        )
        os.close(theirs)
        self.shown = b""
        self._seen = 0

    def resize(self, rows: int, columns: int) -> None:
        """Change the size of the window."""
        fcntl.ioctl(self._ours, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, text: bytes) -> None:
        """Press keys."""
        os.write(self._ours, text)

    def wait_for(self, pattern: bytes) -> re.Match[bytes]:
        """Wait until something new is shown."""
        deadline = time.monotonic() + 30
        while (match := re.compile(pattern).search(self.shown, self._seen)) is None:
            assert time.monotonic() < deadline, self.shown
            if select.select([self._ours], [], [], 0.1)[0]:
                try:
                    self.shown += os.read(self._ours, 65536)
                except OSError:  # the last program has closed it
                    deadline = 0.0
        self._seen = match.end()
        return match

    def end(self) -> int:
        """Read to the end; the exit code."""
        try:
            while data := os.read(self._ours, 65536):
                self.shown += data
        except OSError:  # the last program has closed it
            pass
        return self.process.wait(timeout=30)

    def close(self) -> None:
        """Leave nothing behind."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        os.close(self._ours)


@pytest.fixture
def opened() -> Iterator[list[Terminal]]:
    """Terminals that are closed after the test."""
    terminals: list[Terminal] = []
    yield terminals
    for terminal in terminals:
        terminal.close()


def start(opened: list[Terminal], folder: Path, source: str, *before: str) -> Terminal:
    """Run some Python by ``stepwire run`` in a terminal."""
    script = folder / "script.py"
    script.write_text(textwrap.dedent(source))
    terminal = Terminal(folder, *before, *RUN, sys.executable, str(script))
    opened.append(terminal)
    return terminal


def test_the_command_sees_a_terminal_of_the_same_size(opened: list[Terminal], tmp_path: Path) -> None:
    """So progress bars look as they do without it; a change of size arrives, with its signal."""
    source = """
        import os, signal, sys, time
        def told(*_): print("size", *os.get_terminal_size(2), flush=True)
        signal.signal(signal.SIGWINCH, told)
        print([os.isatty(file) for file in (0, 1, 2)], flush=True)
        told()
        for _ in range(300):
            time.sleep(0.1)
    """
    terminal = start(opened, tmp_path, source)
    terminal.wait_for(rb"\[True, True, True\]")
    terminal.wait_for(rb"size 100 30\r\n")
    terminal.resize(20, 77)
    terminal.wait_for(rb"size 77 20\r\n")
    terminal.type(b"\x03")
    assert terminal.end() == 130


def test_what_is_shown_is_what_the_command_wrote(opened: list[Terminal], tmp_path: Path) -> None:
    """Colours, bars and line ends arrive as they would without it."""
    source = r"""
        import sys
        sys.stdout.write("\x1b[31mred\x1b[0m\n")
        sys.stdout.flush()
        sys.stderr.write("\r 50%|#####     |\r100%|##########|\n")
    """
    terminal = start(opened, tmp_path, source)
    assert terminal.end() == 0
    assert b"\x1b[31mred\x1b[0m\r\n\r 50%|#####     |\r100%|##########|\r\n" in terminal.shown
    assert b"\r\r" not in terminal.shown


def test_ctrl_c_is_the_commands(opened: list[Terminal], tmp_path: Path) -> None:
    """Its own handling runs, once, and its exit code comes back."""
    source = """
        import sys, time
        try:
            print("ready", flush=True)
            time.sleep(60)
        except KeyboardInterrupt:
            print("caught", flush=True)
            time.sleep(0.5)
            sys.exit(7)
    """
    terminal = start(opened, tmp_path, source)
    terminal.wait_for(rb"ready")
    terminal.type(b"\x03")
    terminal.wait_for(rb"caught")
    assert terminal.end() == 7


def test_what_is_typed_reaches_the_command(opened: list[Terminal], tmp_path: Path) -> None:
    """A command that asks gets the terminal, whether it reads lines or changes how the keys behave."""
    source = """
        import sys, termios, tty
        print("hello", input("name? "), flush=True)
        before = termios.tcgetattr(0)
        tty.setcbreak(0)
        print("key?", flush=True)
        key = sys.stdin.read(1)
        termios.tcsetattr(0, termios.TCSADRAIN, before)
        print("pressed", key, flush=True)
        print("again", input(), flush=True)
    """
    terminal = start(opened, tmp_path, source)
    terminal.wait_for(rb"name\? ")
    terminal.type(b"Ada\n")
    terminal.wait_for(rb"hello Ada")
    terminal.wait_for(rb"key\?")
    terminal.type(b"x")
    terminal.wait_for(rb"pressed x")
    terminal.type(b"yes\n")
    terminal.wait_for(rb"again yes")
    assert terminal.end() == 0


def test_ctrl_c_reaches_a_command_that_has_the_terminal(opened: list[Terminal], tmp_path: Path) -> None:
    """It was lent for a question; the keys go to the command itself then."""
    source = """
        import sys, time
        input("go? ")
        try:
            print("going", flush=True)
            time.sleep(60)
        except KeyboardInterrupt:
            sys.exit(9)
    """
    terminal = start(opened, tmp_path, source)
    terminal.wait_for(rb"go\? ")
    terminal.type(b"\n")
    terminal.wait_for(rb"going")
    terminal.type(b"\x03")
    assert terminal.end() == 9


def test_only_one_output_is_a_terminal(opened: list[Terminal], tmp_path: Path) -> None:
    """Each is what ours is."""
    source = "import os\nprint([os.isatty(file) for file in (0, 1, 2)], flush=True)"
    (tmp_path / "script.py").write_text(source)
    words = " ".join([*RUN, sys.executable, "script.py"])
    terminal = Terminal(tmp_path, "sh", "-c", f"{words} 2> errors")
    opened.append(terminal)
    terminal.wait_for(rb"\[True, True, False\]")
    terminal.end()


SHELL = shutil.which("bash")


@pytest.mark.skipif(SHELL is None, reason="job control is tested with bash")
@pytest.mark.parametrize("asks", [False, True], ids=["own keys", "lent keys"])
def test_ctrl_z_stops_the_command_and_fg_goes_on(opened: list[Terminal], tmp_path: Path, asks: bool) -> None:
    """The shell has its prompt again, the command rests, and goes on where it was, with the terminal if it had it."""
    source = f"""
        import itertools, time
        if {asks}:
            print("hello", input("name? "), flush=True)
        for number in itertools.count():
            print("tick", number, flush=True)
            time.sleep(0.1)
            if number == 30 and {asks}:
                print("bye", input("really? "), flush=True)
                break
    """
    (tmp_path / "script.py").write_text(textwrap.dedent(source))
    terminal = Terminal(tmp_path, str(SHELL), "--norc", "--noprofile", "-i")
    opened.append(terminal)
    terminal.wait_for(rb"\$ ")
    terminal.type(" ".join([*RUN, sys.executable, "script.py"]).encode() + b"\n")
    if asks:
        terminal.wait_for(rb"name\? ")
        terminal.type(b"Ada\n")
        terminal.wait_for(rb"hello Ada")
    terminal.wait_for(rb"tick 5\r\n")
    terminal.type(b"\x1a")
    terminal.wait_for(rb"Stopped")
    last = int(re.findall(rb"tick (\d+)", terminal.shown)[-1])
    terminal.type(b"sleep 1; echo rested\n")
    terminal.wait_for(rb"[\r\n]rested")
    assert int(re.findall(rb"tick (\d+)", terminal.shown)[-1]) == last
    terminal.type(b"fg\n")
    terminal.wait_for(rb"tick %d\r\n" % (last + 2))
    if asks:
        terminal.wait_for(rb"really\? ")
        terminal.type(b"yes\n")
        terminal.wait_for(rb"bye yes")
    else:
        terminal.type(b"\x03")
    terminal.wait_for(rb"\$ ")
    terminal.type(b"echo code $?\n")
    terminal.wait_for(rb"[\r\n]code %d" % (0 if asks else 130))


@pytest.mark.skipif(SHELL is None, reason="job control is tested with bash")
def test_in_the_background_it_leaves_the_terminal_alone(opened: list[Terminal], tmp_path: Path) -> None:
    """The shell goes on to read keys; a command that asks waits for ``fg``."""
    (tmp_path / "script.py").write_text('print("asking", flush=True)\nprint("hello", input(), flush=True)\n')
    terminal = Terminal(tmp_path, str(SHELL), "--norc", "--noprofile", "-i")
    opened.append(terminal)
    terminal.wait_for(rb"\$ ")
    terminal.type(" ".join([*RUN, sys.executable, "script.py"]).encode() + b" &\n")
    terminal.wait_for(rb"asking")
    terminal.type(b"echo still here\n")
    terminal.wait_for(rb"[\r\n]still here")
    terminal.type(b"fg\n")
    terminal.wait_for(rb"script.py\r\n")
    terminal.type(b"Ada\n")
    terminal.wait_for(rb"hello Ada")
    terminal.wait_for(rb"\$ ")
