"""Lines as a terminal would show them."""

import pytest

from stepwire.client.capture.screen import MAX_CHARACTERS, UPDATE_US, Screen

SECOND = UPDATE_US


def told(screen, now=0, **more):
    """Text and ``back`` of each line that is due."""
    return [(line.text, line.back) for line in screen.take(now, **more)]


@pytest.mark.parametrize(
    ("written", "lines"),
    [
        (["one\ntwo\n"], ["one", "two"]),
        (["sp", "lit", " up\n"], ["split up"]),
        (["windows\r\nends\r\n"], ["windows", "ends"]),
        (["\n", "\n"], ["", ""]),
        (["a\rb\n"], ["b"]),
        (["100 %\r", "\n"], ["100 %"]),
        (["long text\rshort    \n"], ["short"]),
        (["trailing blanks stay  \n"], ["trailing blanks stay  "]),
        (["|\b/\b-\b\\\n"], ["\\"]),
        (["abc\b\b\b\rxyz\n"], ["xyz"]),
        (["gone\r\x1b[2Knew\n"], ["new"]),
        (["gone\r\x1b[Knew\n"], ["new"]),
        (["stays\x1b[K\n"], ["stays"]),
        (["old\x1b[1Gnew\n"], ["new"]),
        (["first\nsecond\n\x1b[2A\rFIRST\n\n"], ["FIRST", "second"]),
        (["first\nsecond\n\x1b[1A\x1b[2Kthird\n"], ["first", "third"]),
        (["first\n\x1b[1Fchanged\n"], ["changed"]),
        (["\x1b[31mred\x1b[0m\n"], ["\x1b[31mred\x1b[0m"]),
        (["split escape \x1b[", "31mred\n"], ["split escape \x1b[31mred"]),
        (["up\nx\x1b", "[A\rUP\n\n"], ["UP", "x"]),
        (["before\n\x1b[2J\x1b[Hafter\n"], ["before", "after"]),
    ],
)
def test_what_is_written_becomes_lines(written, lines):
    """Returns, backspaces, erased lines and moves up are obeyed; in the end each line is what a terminal shows."""
    screen = Screen()
    for text in written:
        screen.feed(1, text)
    assert [text for text, _ in told(screen, everything=True)] == lines


def test_a_finished_line_is_told_at_once():
    """Nobody has to wait for a line that has an end; one without an end waits for more."""
    screen = Screen()
    screen.feed(1, "whole\npart")
    assert told(screen, 1) == [("whole", 0)]
    screen.feed(2, " of it\n")
    assert told(screen, 2) == [("part of it", 0)]


def test_a_line_without_an_end_is_told_after_a_second():
    """A question to the user is seen while it is open; its end takes the place of what was told."""
    screen = Screen()
    screen.feed(0, "Continue? ")
    assert told(screen, SECOND - 1) == []
    assert screen.waits_until == SECOND
    assert told(screen, SECOND) == [("Continue? ", 0)]
    assert screen.waits_until is None
    screen.feed(3 * SECOND, "yes\n")
    assert told(screen, 3 * SECOND) == [("Continue? yes", 1)]


def test_a_progress_bar_is_told_once_a_second_and_at_its_end():
    """Of a hundred states in ten seconds about ten are told, and the last."""
    screen = Screen()
    lines = []
    for step in range(101):
        screen.feed(step * SECOND // 10, f"\r{step}%")
        lines += told(screen, step * SECOND // 10)
    screen.feed(10 * SECOND, "\n")
    lines += told(screen, 10 * SECOND, everything=True)
    assert 8 <= len(lines) <= 13
    assert lines[0][1] == 0
    assert {back for _, back in lines[1:]} == {1}
    assert lines[-1] == ("100%", 1)


def test_nested_bars_keep_their_lines():
    """A bar below another one moves down and up again; each state counts back to its own line."""
    screen = Screen()
    screen.feed(0, "outer 0\n\rinner 0\x1b[A")
    assert told(screen, SECOND) == [("outer 0", 0), ("inner 0", 0)]
    screen.feed(2 * SECOND, "\n\rinner 1\x1b[A\router 1")
    assert told(screen, 3 * SECOND) == [("outer 1", 2), ("inner 1", 1)]


def test_a_bar_that_is_wiped_out_becomes_empty():
    """tqdm writes blanks over a bar that is not to stay."""
    screen = Screen()
    screen.feed(0, "\rbar 50%")
    assert told(screen, SECOND) == [("bar 50%", 0)]
    screen.feed(2 * SECOND, "\r        \r")
    assert told(screen, 3 * SECOND) == [("", 1)]


def test_lines_that_scroll_away_are_told_in_order():
    """A thousand lines in one write are all there, as they came."""
    screen = Screen()
    screen.feed(0, "".join(f"{number}\n" for number in range(1000)))
    assert told(screen, 0) == [(str(number), 0) for number in range(1000)]


def test_a_line_without_end_takes_no_more_memory_than_is_told():
    """Megabytes without a line end are cut."""
    screen = Screen()
    for _ in range(100):
        screen.feed(0, "x" * 100_000)
    screen.feed(0, "\n")
    [(text, _)] = told(screen, 0)
    assert len(text) == MAX_CHARACTERS
    assert text.endswith("…")
