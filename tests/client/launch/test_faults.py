"""What `stepwire run` does with slow readers, full disks, pipes in place of files, and secrets in the output."""

import os
import subprocess
import sys
import threading
import time

import pytest

from stepwire.client.launch.channels import Channel
from stepwire.client.launch.log import Log
from stepwire.formats.csvlog import CsvFile
from stepwire.formats.tail import Tail, head_of

LINES = 60_000


@pytest.mark.parametrize("mode", ["disabled", "offline"])
def test_a_slow_reader_gets_all_of_it(tmp_path, mode):
    """What the command wrote last is on its way when it ends: it arrives, whoever watches."""
    command = [sys.executable, "-m", "stepwire", "run", "--", "seq", "1", str(LINES)]
    environment = {**os.environ, "STEPWIRE_MODE": mode, "STEPWIRE_DIR": str(tmp_path)}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    time.sleep(3)
    out, _ = process.communicate(timeout=60)
    assert out.split() == [b"%d" % number for number in range(1, LINES + 1)]
    assert process.returncode == 0


def test_something_left_behind_does_not_hold_it_up(tmp_path):
    """A process that keeps the output open in silence is not waited for."""
    code = "import subprocess; print('end'); subprocess.Popen(['sleep', '60'])"
    command = [sys.executable, "-m", "stepwire", "run", "--", sys.executable, "-c", code]
    environment = {**os.environ, "STEPWIRE_MODE": "disabled", "STEPWIRE_DIR": str(tmp_path)}
    with (tmp_path / "out").open("wb") as out:
        process = subprocess.Popen(command, env=environment, stdout=out, stderr=subprocess.DEVNULL)
        assert process.wait(30) == 0
    assert (tmp_path / "out").read_bytes() == b"end\n"


def test_a_disk_that_is_full_for_a_while_gets_what_comes_later(monkeypatch):
    """The output's file stays the target; what it refused is counted."""
    ours, theirs = os.pipe()
    sink_out, sink_in = os.pipe()
    channel = Channel("stdout", ours, sink_in, os.dup(theirs))
    true, refusals = os.write, [OSError(28, "No space left on device")]

    def write(fd, data):
        if fd == sink_in and refusals:
            raise refusals.pop()
        return true(fd, data)

    monkeypatch.setattr(os, "write", write)
    taken = threading.Semaphore(0)
    channel.start(lambda *_: taken.release())
    for piece in (b"lost\n", b"kept\n"):
        true(theirs, piece)
        assert taken.acquire(timeout=10)
    os.close(theirs)
    channel.join(10)
    assert channel.lost == 5
    assert os.read(sink_out, 100) == b"kept\n"


def test_secrets_in_the_output_are_hidden():
    """Values of the environment, keys of many lines, and a key behind a colour."""
    kept = []
    log = Log(lambda kind, **fields: kept.extend(line[1] for line in fields["lines"]), secrets=["s3cretvalue"])
    output = (
        b"the value is s3cretvalue\n-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBg\n-----END PRIVATE KEY-----\n"
        b"\x1b[32mhf_abcdefghijklmnop\x1b[0m\nloss 0.5\n"
    )
    log.feed("stdout", 1, output)
    log.finish()
    text = "\n".join(kept)
    for secret in ("s3cretvalue", "MIIEvQ", "hf_abcdefgh"):
        assert secret not in text
    assert kept[-1] == "loss 0.5"


def test_a_pipe_is_no_metric_file(tmp_path):
    """Its bytes are another reader's, and to open it may take for ever."""
    path = tmp_path / "metrics.csv"
    os.mkfifo(path)
    assert head_of(path, 100) == b""
    assert Tail(path).read() == b""


def test_a_table_that_became_none_is_not_read_again_and_again(tmp_path):
    """It is longer than one reading, then its path is gone, or its first line is no header any more."""
    path = tmp_path / "metrics.csv"
    path.write_text("step,loss\n" + "1,0.5\n" * 400_000)
    table = CsvFile(path)
    table.read()
    assert table.is_behind
    path.unlink()
    assert table.read() == []
    assert not table.is_behind
