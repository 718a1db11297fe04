"""Text that was meant for a terminal, made safe to keep and to show: colours stay, all else that acts goes."""

import re
from functools import cache

_MAX_COLOUR = 64
_STRING = r"[\]PX^_][^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c)?"  # OSC, DCS, SOS, PM, APC: titles, links, the clipboard
_COLOUR = re.compile(r"\x1b\[[0-9;:]*m")


def clean_terminal(text: str) -> str:
    r"""Return one line of text with nothing in it that acts on a terminal but colours.

    SGR codes (colours, bold) stay. Every other escape sequence is left out: titles, links, the clipboard, moves of
    the cursor. Control characters, marks that change the direction of text, and lone surrogates are written as
    escapes: ``\x07``, ``\u202e``.
    """
    return text if text.isprintable() else _acts().sub(_harmless, text)


def strip_colours(text: str) -> str:
    """Return the text without the colours that ``clean_terminal`` leaves in."""
    return _COLOUR.sub("", text) if "\x1b" in text else text


@cache  # compiled when it is needed: it takes long
def _acts() -> re.Pattern[str]:
    # C0 but the tab, DEL, C1, separators of lines and paragraphs, what changes the direction of text, lone surrogates.
    return re.compile(
        rf"\x1b(?:\[[0-?]*[ -/]*[@-~]|{_STRING}|[ -/]*[0-~])?"
        "|[\\x00-\\x08\\x0a-\\x1a\\x1c-\\x1f\\x7f-\\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
    )


def _harmless(found: re.Match[str]) -> str:
    code = found[0]
    if len(code) > 1:
        return code if len(code) <= _MAX_COLOUR and _COLOUR.fullmatch(code) else ""
    number = ord(code)
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}"
