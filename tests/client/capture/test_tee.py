"""Hearing a stream without changing it."""

import io
import sys

import pytest

from stepwire.client.capture.tee import Tee


class Odd:
    """A stream that answers and counts."""

    def __init__(self):
        self.written = []

    def write(self, text, *, colour=None):
        """Keep the text; answer something of its own."""
        self.written.append((text, colour))
        return "answer"


def test_the_stream_stays_what_it_is():
    """Identity, type, result and attributes are the stream's own, while each text is heard after it was written."""
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, "latin-1", errors="replace", newline="\n")
    before = {name: getattr(stream, name) for name in ("encoding", "errors", "buffer", "newlines", "line_buffering")}
    heard = []
    tee = Tee(stream, lambda text: heard.append((text, raw.getvalue())))
    assert tee.attach()
    assert stream.write("one ü 🚀\n") == 8
    stream.writelines(["two", "three"])
    print("four", file=stream, flush=True)
    assert raw.getvalue() == "one ü ?\ntwothreefour\n".encode("latin-1")
    assert [text for text, _ in heard] == ["one ü 🚀\n", "two", "three", "four", "\n"]
    assert {name: getattr(stream, name) for name in before} == before
    assert isinstance(stream, io.TextIOWrapper)
    assert not stream.isatty()
    with pytest.raises(io.UnsupportedOperation):
        stream.fileno()


def test_a_stream_of_ones_own_gets_its_arguments():
    """Named arguments go through, and so does the answer."""
    stream, heard = Odd(), []
    Tee(stream, heard.append).attach()
    assert stream.write("text", colour="red") == "answer"
    assert stream.written == [("text", "red")]
    assert heard == ["text"]


def test_what_the_stream_raises_is_raised_and_not_heard():
    """A broken pipe is the script's; nothing that was not written is heard."""
    stream, heard = io.StringIO(), []
    Tee(stream, heard.append).attach()
    with pytest.raises(TypeError):
        stream.write(b"bytes")
    stream.close()
    with pytest.raises(ValueError, match="closed file"):
        stream.write("text")
    assert heard == []


def test_detaching_gives_the_stream_its_own_write_back():
    """Afterwards nothing of ours is on it."""
    stream, heard = Odd(), []
    tee = Tee(stream, heard.append)
    tee.attach()
    tee.detach()
    assert "write" not in vars(stream)
    stream.write("text")
    assert heard == []


def test_a_write_that_was_there_before_comes_back():
    """Another tool's own wrapper is neither lost nor doubled."""
    stream, others, heard = Odd(), [], []
    stream.write = others.append
    tee = Tee(stream, heard.append)
    tee.attach()
    stream.write("one")
    tee.detach()
    stream.write("two")
    assert (others, heard) == (["one", "two"], ["one"])


def test_a_wrapper_that_came_later_is_left_alone():
    """Who wraps ours keeps working after we have left, and we hear nothing more."""
    stream, heard = Odd(), []
    tee = Tee(stream, heard.append)
    tee.attach()
    ours = stream.write

    def theirs(text):
        return ours(text.upper())

    stream.write = theirs
    stream.write("one")
    tee.detach()
    assert stream.write is theirs
    stream.write("two")
    assert [text for text, _ in stream.written] == ["ONE", "TWO"]
    assert heard == ["ONE"]


def test_a_stream_that_takes_no_attributes_is_not_heard():
    """It goes on as it is."""

    class Closed:
        __slots__ = ()

        def write(self, text):
            return len(text)

    stream = Closed()
    assert not Tee(stream, print).attach()
    assert stream.write("text") == 4


def test_the_real_standard_streams_can_be_heard():
    """What Python makes at its start takes an attribute."""
    for stream in (sys.__stdout__, sys.__stderr__):
        tee = Tee(stream, lambda text: None)
        assert tee.attach()
        tee.detach()
        assert "write" not in vars(stream)
