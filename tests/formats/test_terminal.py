"""Text for terminals, made harmless."""

import pytest

from stepwire.formats.terminal import clean_terminal, strip_colours


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("plain\ttext, ünïcode 🚀", "plain\ttext, ünïcode 🚀"),
        ("\x1b[31;1mred\x1b[0m", "\x1b[31;1mred\x1b[0m"),
        ("\x1b[38:2::255:0:0mtrue colour\x1b[m", "\x1b[38:2::255:0:0mtrue colour\x1b[m"),
        ("\x1b]8;;http://evil.example\x07click\x1b]8;;\x07", "click"),
        ("\x1b]52;c;ZXZpbA==\x1b\\text", "text"),
        ("\x1b]0;new title\x07text", "text"),
        ("\x1bPq#0;2;0\x1b\\text", "text"),
        ("a\x1b[2Jb\x1b[1Ac\x1b[?25ld", "abcd"),
        ("\x1b(B\x1b7\x1bctext", "text"),
        ("bell\x07 null\x00 del\x7f", "bell\\x07 null\\x00 del\\x7f"),
        ("two\nlines\r", "two\\x0alines\\x0d"),
        ("\x9b31mC1\x9d0;x", "\\x9b31mC1\\x9d0;x"),
        ("user\u202etxt.exe", "user\\u202etxt.exe"),
        ("\u2066isolate\u2069 \u2028 line", "\\u2066isolate\\u2069 \\u2028 line"),
        ("half \ud800 of a pair", "half \\ud800 of a pair"),
        ("ends in an escape\x1b", "ends in an escape\\x1b"),
        ("\x1b[" + "1;" * 50 + "mlong", "long"),
    ],
)
def test_only_colours_are_left_of_what_acts(text, clean):
    """Colours and tabs stay, other escape sequences go, control characters and marks of direction are written out."""
    assert clean_terminal(text) == clean


def test_cleaning_twice_changes_nothing():
    """What the SDK has cleaned comes through the server unchanged."""
    text = clean_terminal("\x1b[32mok\x1b[0m \x07 \x1b]0;t\x07 \u202e")
    assert clean_terminal(text) == text


def test_colours_can_be_left_out():
    """The text without its colours is what a search looks at."""
    assert strip_colours("\x1b[31mred\x1b[0m and \x1b[1;4mbold") == "red and bold"
