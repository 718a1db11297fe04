"""Which files the processes of a command hold open for writing. Linux only: elsewhere none is found."""

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path

_MAX_PROCESSES = 1000
_MAX_FILES = 10_000
_SUFFIXES = (".jsonl", ".csv")
_MARK = "events.out.tfevents."
_APPEND = os.O_APPEND


def files_open_for_writing(pids: Iterable[int], folder: Path) -> Iterator[tuple[Path, bool]]:
    """Give the metric files in ``folder`` and below that some processes hold open for writing.

    Each with whether it was opened to be added to.
    """
    prefix = f"{folder}/"
    for one in islice(pids, _MAX_PROCESSES):
        for number in _numbers(one)[:_MAX_FILES]:
            link = f"/proc/{one}/fd/{number}"
            with suppress(OSError):  # closed meanwhile, or another user's
                path = os.readlink(link)  # noqa: PTH115 - no Path is made for each descriptor
                if path.startswith(prefix) and _may_be_metrics(path) and os.lstat(link).st_mode & 0o200:
                    yield Path(path), bool(_flags(one, number) & _APPEND)


def _may_be_metrics(path: str) -> bool:
    return path.lower().endswith(_SUFFIXES) or _MARK in path


def _numbers(pid: int) -> list[str]:
    try:
        return os.listdir(f"/proc/{pid}/fd")  # noqa: PTH208 - as below
    except OSError:  # it has ended, or is another user's
        return []


def _flags(pid: int, number: str) -> int:
    with open(f"/proc/{pid}/fdinfo/{number}", encoding="ascii") as file:  # noqa: PTH123 - as above
        for line in file:
            if line.startswith("flags:"):
                return int(line.split()[1], 8)
    return 0
