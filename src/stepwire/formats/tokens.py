"""A log line as a list of tokens: numbers that stand for themselves, words, marks."""

import re
from typing import Literal, NamedTuple

from stepwire.formats.vocabulary import FILE_ENDINGS, UNITS

Kind = Literal["number", "word", "mark", "break"]

# Each alternative is decided by its first characters, and none can be entered in two ways: the time is linear.
_TOKEN = re.compile(
    r"""
      (?P<space>   \s+)
    | (?P<number>  [+-]?(?:(?:[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])|[0-9]+)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?
                 | [+-]?(?:nan|inf|infinity)(?![\w./-]))
    | (?P<word>    [^\W\d][\w@.'/-]*)
    | (?P<break>   [=!<>:]=|[-=]>|::|//|\.\.+|\+/-)
    | (?P<mark>    .)
    """,
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\^_])|[\x00-\x08\x0b-\x1f\x7f]")
_COMPOUND = frozenset(":-–,")  # between digits they make a time, a date, a range or a list


class Token(NamedTuple):
    """A piece of a line.

    Attributes:
        text: As it stands there.
        glued: No space before it.
        value: Of a number that stands for itself, in its unit; ``None`` for one that is part of something else, as
            of a time, a date, a version or an address.
        unit: Of the value, as ``%``, ``s`` or ``bytes``.
    """

    kind: Kind
    text: str
    glued: bool
    value: float | None = None
    unit: str | None = None


def strip_ansi(line: str) -> str:
    """Return a line without colours, cursor movements and control characters."""
    return _ANSI.sub("", line)


def tokenize(line: str) -> list[Token]:
    """Return the tokens of a line without escape sequences. A number swallows its unit."""
    raw: list[Token] = []
    glued = False
    for match in _TOKEN.finditer(line):
        kind = match.lastgroup
        if kind == "space":
            glued = False
            continue
        raw.append(Token(kind, match[0], glued))  # type: ignore[arg-type]
        glued = True
    return _join(raw)


def _join(raw: list[Token]) -> list[Token]:
    tokens: list[Token] = []
    place = 0
    while place < len(raw):
        token = raw[place]
        place += 1
        if token.kind == "number":
            token, place = _number(raw, place - 1)
        elif token.kind == "word" and _is_source(raw, place - 1):
            token = Token("break", token.text, token.glued)
        tokens.append(token)
    return tokens


def _number(raw: list[Token], place: int) -> tuple[Token, int]:
    """Return the number at a place with its unit, and the place behind both."""
    token = raw[place]
    following = raw[place + 1] if place + 1 < len(raw) else None
    if _is_part(raw, place):
        return token, place + 1
    value = float(token.text.replace(",", ""))
    if following is None:
        return Token("number", token.text, token.glued, value), place + 1
    if following.text == "%":
        return Token("number", token.text, token.glued, value, "%"), place + 2
    if following.kind == "word" and (following.glued or _is_end(raw, place + 2)):
        factor, unit = UNITS.get(following.text, (None, None))
        if factor is not None and not _continues(raw, place + 2):
            return Token("number", token.text, token.glued, value * factor, unit), place + 2
        if following.glued and not _is_rate(following.text):
            return token, place + 1  # 3rd, 0x1f, 5m32s
    return Token("number", token.text, token.glued, value), place + 1


def _is_part(raw: list[Token], place: int) -> bool:
    """Whether a number is part of a time, a date, a version, an address, a range or a list."""
    before = raw[place - 1] if place else None
    if raw[place].glued and before is not None:
        if before.kind in ("number", "word"):
            return True
        if before.text in _COMPOUND and before.glued and place > 1 and raw[place - 2].kind == "number":
            return True
    return _continues(raw, place + 1)


def _continues(raw: list[Token], place: int) -> bool:
    """Whether what begins at a place belongs to the number before it."""
    if place >= len(raw) or not raw[place].glued:
        return False
    if raw[place].kind == "number":
        return True
    return (
        raw[place].text in _COMPOUND
        and place + 1 < len(raw)
        and raw[place + 1].glued
        and raw[place + 1].kind == "number"
    )


def _is_end(raw: list[Token], place: int) -> bool:
    """Whether a value ends at a place: a unit that stands apart from its number is followed by no name's number."""
    return place >= len(raw) or raw[place].text in (",", ";", "|", ")", "]", "}", ".", "-", "(")


def _is_rate(text: str) -> bool:
    return "/" in text


def _is_source(raw: list[Token], place: int) -> bool:
    """Whether a word is a file or an address, with a line or a port behind it: ``train.py:42``, ``node1.lan:80``."""
    text = raw[place].text.lower()
    if text.endswith(FILE_ENDINGS) or (place and raw[place - 1].text in ("/", "//", "~", "\\")):
        return True
    if not any(mark in text for mark in "./") or place + 2 >= len(raw):
        return False
    colon, number = raw[place + 1 : place + 3]
    return colon.text == ":" and number.kind == "number" and number.glued and number.text.isdigit()
