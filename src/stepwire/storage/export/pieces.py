"""Blocks cut into pieces of bounded size, so that no step of an export takes long or much memory."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from stepwire.storage.series.interface import RawBlock


def pieces(blocks: Iterable[RawBlock], cells: int) -> Iterator[RawBlock]:
    """The rows of ``blocks`` in their order, at most about ``cells`` values at a time.

    Columns marked ``missing`` are left out. A piece has at least one row and one name, so one row of a very wide
    metric set may be over ``cells``.
    """
    for block in blocks:
        shown = _without_missing(block)
        rows, width = len(shown.seqs), len(shown.names)
        if not width:
            continue
        most = max(1, cells // width)
        for start in range(0, rows, most):
            yield shown if rows <= most else _cut(shown, start, start + most)


def printable(name: str) -> str:
    """``name`` as UTF-8 can hold it: lone surrogates are replaced."""
    return name.encode("utf-8", "replace").decode()


def _without_missing(block: RawBlock) -> RawBlock:
    if not any(block.missing):
        return block
    kept = [column for column, gone in enumerate(block.missing) if not gone]
    return replace(
        block,
        names=tuple(block.names[column] for column in kept),
        values=block.values[:, kept],
        missing=(False,) * len(kept),
    )


def _cut(block: RawBlock, start: int, stop: int) -> RawBlock:
    return replace(
        block,
        row=block.row + start,
        seqs=block.seqs[start:stop],
        steps=block.steps[start:stop],
        times=block.times[start:stop],
        values=block.values[start:stop],
        superseded=block.superseded[start:stop],
    )
