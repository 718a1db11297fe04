"""Numbers in tracebacks are none, and those before and behind are."""

import traceback
from typing import Any

import pytest

from stepwire.client.launch.output import Numbers
from stepwire.client.launch.tracebacks import Tracebacks
from stepwire.formats.points import Point


class Sink:
    """Takes what a run would get."""

    def __init__(self) -> None:
        self.points: list[Point] = []

    def log(self, point: Point) -> None:
        self.points.append(point)

    def define_units(self, units: dict[str, str]) -> None:
        pass

    def plan(self, total_steps: int | None) -> None:
        pass


HEADER = "Traceback (most recent call last):"
FRAME = '  File "train.py", line 3, in <module>\n    print("loss=0.5")\n    ~~~~~^^^^^^^^^^^^\n'
PLAIN = f"{HEADER}\n{FRAME}RuntimeError: gave up, loss: inf\n"


def losses(*pieces: tuple[str, str]) -> list[float]:
    """The losses read out of pieces of streams."""
    sink: Any = Sink()
    numbers = Numbers(sink, [])
    for stream, text in pieces:
        numbers.feed(stream, 1, text.encode())
    numbers.finish()
    assert all(point.metrics.keys() == {"loss"} for point in sink.points)
    return [point.metrics["loss"] for point in sink.points]


def raised(error: BaseException) -> BaseException:
    """An exception that has a traceback."""
    try:
        raise error  # loss: 1000
    except BaseException as caught:  # noqa: BLE001 - groups too
        return caught


def caused(error: BaseException, cause: BaseException) -> BaseException:
    """An exception that was raised because of another."""
    error.__cause__ = cause
    return raised(error)


def text_of(error: BaseException) -> str:
    """What Python prints of an exception."""
    return "".join(traceback.format_exception(error))


def group(*errors: Exception) -> BaseException:
    """A group that was raised."""
    return raised(ExceptionGroup("loss: 7", errors))


FAILED = ValueError("loss: 8")

WRITTEN = {
    "plain": PLAIN,
    "coloured": PLAIN.replace("train.py", "\x1b[35mtrain.py\x1b[0m").replace("Runtime", "\x1b[1;35mRuntime"),
    "carriage returns": PLAIN.replace("\n", "\r\n"),
    "during handling": PLAIN + "\nDuring handling of the above exception, another exception occurred:\n\n" + PLAIN,
    "no exception's line": f"{HEADER}\n{FRAME}{PLAIN}",
    "indented": "".join(f"    {line}\n" for line in PLAIN.splitlines()),
    "in a box": "".join(f"web-1  | {line}\n" for line in PLAIN.splitlines()),
    "after a label": f"12:00:01 ERROR {PLAIN}",
    "of a worker": f"{HEADER}\n{FRAME}RuntimeError: Caught it in worker process 0.\nOriginal {PLAIN}",
    "of a rank": "".join(f"[rank0]: {line}\n" for line in (PLAIN + "\n" + PLAIN).splitlines()),
    "of two ranks": "".join(f"[rank0]: {line}\n[rank1]: {line}\n" for line in PLAIN.splitlines()),
    "printed by Python": text_of(caused(RuntimeError("loss: 9"), raised(FAILED))),
    "of a group": text_of(group(FAILED, raised(ValueError("loss: 6")))),
    "of groups in groups": text_of(group(group(FAILED, FAILED), FAILED, group(FAILED))),
    "of a group with a cause": text_of(caused(ExceptionGroup("loss: 5", [FAILED]), group(FAILED))),
    "of a group as a cause": text_of(caused(RuntimeError("loss: 4"), group(FAILED))),
    "of a group in a log": f"12:00:01 ERROR {text_of(group(FAILED))}",
    "of a large group": text_of(group(*[FAILED] * 20)),
}


@pytest.mark.parametrize("text", WRITTEN.values(), ids=WRITTEN)
def test_nothing_in_a_traceback_is_a_metric(text: str) -> None:
    """Neither the lines of source that it quotes nor the exception's message; what stands around it is."""
    assert losses(("stderr", "loss: 0.1\n" + text + "loss: 0.2\n")) == [0.1, 0.2]


def test_after_a_group_a_table_is_read() -> None:
    """Its lines begin as those of a group do."""
    text = text_of(group(FAILED)) + "| loss | 0.2 |\n"
    assert losses(("stdout", text)) == [0.2]


def test_a_group_that_breaks_off_is_over() -> None:
    """With the first line that begins otherwise, which counts."""
    text = text_of(group(FAILED)).partition("  +-+-")[0]
    assert losses(("stdout", text + "loss: 0.2\n  loss: 0.3\n")) == [0.2, 0.3]


def test_each_stream_has_its_own_traceback() -> None:
    """A line between two frames counts when it stands on the other stream, indented or not."""
    head, tail = PLAIN[:60], PLAIN[60:]
    told = ("stdout", "  loss: 0.1\nloss: 0.2\n")
    assert losses(("stderr", head), told, ("stderr", tail), told) == [0.1, 0.2, 0.1, 0.2]


def test_a_line_of_another_rank_ends_no_traceback() -> None:
    """And counts."""
    lines = [f"[rank0]: {line}\n" for line in PLAIN.splitlines()]
    text = "".join([*lines[:2], "[rank1]: loss: 0.1\n", *lines[2:], "[rank0]: loss: 0.2\n"])
    assert losses(("stderr", text)) == [0.1, 0.2]


def test_a_bar_before_the_header_is_read() -> None:
    """A bar that nobody has closed stands in the line where the traceback begins."""
    assert losses(("stderr", f"step 3 [loss=0.25]{PLAIN}step 4 loss: 0.5\n")) == [0.25, 0.5]


def test_the_exceptions_line_is_the_last() -> None:
    """A label that stood before the header alone hides none of the lines that begin with it."""
    assert losses(("stderr", f"[main]: {PLAIN}[main]: loss: 0.5\n  loss: 0.25\n")) == [0.5, 0.25]


def test_words_of_a_header_in_a_line_begin_nothing() -> None:
    """They have to stand at its end."""
    assert losses(("stdout", f"got {HEADER} once\n  loss: 0.5\n")) == [0.5]


def test_tracebacks_without_an_end_are_few() -> None:
    """However many labels there are."""
    tracebacks = Tracebacks()
    for number in range(1000):
        assert tracebacks.cut(f"{number}> {HEADER}") == f"{number}>"
    assert len(tracebacks._open) == 64


@pytest.mark.parametrize("piece", [" ", "|", "+", "-", "+-", "| ", HEADER, f"+ Exception Group {HEADER}"])
def test_no_line_takes_long(piece: str) -> None:
    """64 Ki characters of what could make a pattern try again and again: work that grew faster would not end here."""
    tracebacks = Tracebacks()
    line = "  +" + piece * (65536 // len(piece))
    of_group = f"  + Exception Group {HEADER}"
    for text in (of_group, "+----", line, HEADER, line, f"x {HEADER}", line, line + HEADER) * 20:
        tracebacks.cut(text)
