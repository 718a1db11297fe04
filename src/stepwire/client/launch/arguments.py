"""What a command line says about a run: its name and its settings."""

import re
from collections.abc import Sequence
from pathlib import PurePath
from typing import Any

_SCRIPT = re.compile(r".+\.(py|ipynb|sh|bash|js|mjs|ts|jl|[rR]|lua|rb|pl|m|jar)$")
_OPTION = re.compile(r"--?([A-Za-z][\w.-]*)(?:=(.*))?", re.DOTALL)
_OVERRIDE = re.compile(r"\+{0,2}([A-Za-z_][\w./-]*)=(.*)", re.DOTALL)
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
_NAME_CHARACTERS = 256


def name_of(argv: Sequence[str]) -> str:
    """Return a name for the run: the script's, else the module's after ``-m``, else the program's."""
    for place, argument in enumerate(argv):
        if argument == "-m" and place + 1 < len(argv):
            return argv[place + 1][:_NAME_CHARACTERS]
        if _SCRIPT.fullmatch(argument) and not argument.startswith("-"):
            return PurePath(argument).name[:_NAME_CHARACTERS]
    return (PurePath(argv[0]).name or "command")[:_NAME_CHARACTERS]


def config_of(argv: Sequence[str]) -> dict[str, Any]:
    """Return the settings on a command line: ``--lr 0.1``, ``--lr=0.1``, ``--amp``, ``optimizer.lr=0.1``.

    Numbers and ``true`` and ``false`` become such; an option without a value is true.
    """
    config: dict[str, Any] = {}
    place = 1
    while place < len(argv):
        argument = argv[place]
        place += 1
        if argument == "-c":  # a program in place of a file
            place += 1
        elif option := _option(argument):
            name, value = option
            if value is None and place < len(argv) and _is_value(argv[place]):
                value = argv[place]
                place += 1
            config[name.replace("-", "_")] = True if value is None else _read(value)
        elif override := _OVERRIDE.fullmatch(argument):
            config[override[1]] = _read(override[2])
    return config


def _option(argument: str) -> tuple[str, str | None] | None:
    """A long option; of those with one dash only such as have a ``=`` or a long name, as Go programs write them."""
    match = _OPTION.fullmatch(argument)
    if match is None or (not argument.startswith("--") and len(match[1]) < 3):
        return None
    return match[1], match[2]


def _is_value(argument: str) -> bool:
    if argument.startswith("-"):
        return bool(_NUMBER.fullmatch(argument))
    return not _SCRIPT.fullmatch(argument)  # torchrun --standalone train.py


def _read(text: str) -> Any:
    if _NUMBER.fullmatch(text):
        return int(text) if text.lstrip("+-").isdigit() and len(text) < 16 else float(text)
    return {"true": True, "false": False}.get(text.lower(), text)
