"""What Stepwire writes as Parquet is read by pandas and DuckDB as it was logged. ``make test-parquet`` runs it."""

import math
import struct

import numpy as np
import pytest

from stepwire.protocol import Batch, SetColumns
from stepwire.storage.export.formats import load_format
from stepwire.storage.open import open_storage

duckdb = pytest.importorskip("duckdb")
pandas = pytest.importorskip("pandas")
ROWS = 10_000


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A run of two metrics as a Parquet file, and its values."""
    folder = tmp_path_factory.mktemp("data")
    values = np.random.default_rng(3).standard_normal((ROWS, 2))
    values[7, 0], values[8, 0], values[9, 1] = math.inf, -0.0, 5e-324
    steps, times = np.arange(ROWS), 1_700_000_000_000_000 + np.arange(ROWS) * 1000
    columns = SetColumns(
        0,
        np.arange(ROWS, dtype="<u4").tobytes(),
        steps.tobytes(),
        times.tobytes(),
        values.tobytes(),
        names=("loss", "lr"),
    )
    storage = open_storage(folder)
    stream = storage.writer.submit(lambda tx: storage.series.open_stream(tx, "run_a", "w")).result(20)
    storage.writer.submit(lambda tx: storage.series.append(tx, stream, Batch(1, ROWS, (columns,)))).result(20)
    storage.series.seal()
    file = folder / "run.parquet"
    with file.open("wb") as sink:
        for piece in load_format("parquet")(storage.series.scan("run_a")):
            sink.write(piece)
    storage.close()
    return file, values


def bits(values):
    return struct.pack(f"<{len(values)}d", *values)


def test_pandas_reads_every_point_bit_for_bit(exported):
    """Values, steps and times of one metric, in the order of logging."""
    file, values = exported
    frame = pandas.read_parquet(file)
    loss = frame[frame["metric"] == "loss"].sort_values("row")
    assert bits(loss["value"]) == bits(values[:, 0])
    assert loss["step"].tolist() == list(range(ROWS))
    assert loss["time"].iloc[1] == pandas.Timestamp(1_700_000_000_001_000, unit="us", tz="UTC")


def test_duckdb_reads_every_point_and_its_extremes(exported):
    """SQL over the file finds the same points and the same extremes."""
    file, values = exported
    query = "SELECT count(*), min(value), max(value) FROM read_parquet(?) WHERE metric = 'lr'"
    assert duckdb.execute(query, [str(file)]).fetchone() == (ROWS, values[:, 1].min(), values[:, 1].max())
    rows = duckdb.execute(
        "SELECT value FROM read_parquet(?) WHERE metric = 'loss' ORDER BY row", [str(file)]
    ).fetchall()
    assert bits([row[0] for row in rows]) == bits(values[:, 0])
