"""Sizes of chunks and cells. No NumPy: the writing side needs them too."""

CELL_ROWS = 64
RADIX = 8
CELLS_PER_CHUNK = 256
CHUNK_ROWS = 4096
_WIDE, _WIDER = 512, 2048


def chunk_rows(width: int) -> int:
    """Rows in a full chunk of level 0 of a set of ``width`` metrics: fewer the wider, to bound memory."""
    if width <= _WIDE:
        return CHUNK_ROWS
    return CHUNK_ROWS // 4 if width <= _WIDER else CHUNK_ROWS // 16


def cell_rows(level: int) -> int:
    """How many rows a cell stands for; a row of level 0 for itself."""
    return CELL_ROWS * int(RADIX ** (level - 1)) if level else 1


def chunk_cells(level: int, width: int) -> int:
    """How many cells (rows on level 0) a full chunk has."""
    if level == 0:
        return chunk_rows(width)
    return chunk_rows(width) // CELL_ROWS if level == 1 else CELLS_PER_CHUNK
