"""A reader written from docs/storage.md alone reads every point that the engine wrote."""

import json
import sqlite3
import struct

import numpy as np
import pytest
import zstandard

from stepwire.protocol import Batch, SetColumns
from stepwire.storage.open import open_storage

# --- the reader: nothing of stepwire below ----------------------------------------------------------------


def unpack_msgpack(data):
    """The few types that a journal row has."""
    import msgspec

    return msgspec.msgpack.decode(data)


def planes(data, width, rows):
    return np.frombuffer(data, np.uint8).reshape(width, rows).T.copy()


def whole_numbers(column, rows):
    kind = column[0]
    if kind == 16:
        return np.frombuffer(column, "<f8", rows, 1)
    first, low = struct.unpack_from("<qq", column, 1)
    if kind == 0:
        return first + low * np.arange(rows)
    width, rest = kind & 15, column[17:]
    if kind & 64:
        raw = zstandard.ZstdDecompressor().decompress(rest, max_output_size=width * (rows - 1))
        differences = planes(raw, width, rows - 1).view(f"<u{width}")[:, 0]
    else:
        differences = np.frombuffer(rest, f"<u{width}")
    return np.concatenate([[first], first + np.cumsum(differences.astype("<i8") + low)])


def axis_columns(axis, rows):
    count = axis[0]
    sizes = struct.unpack_from(f"<{count}I", axis, 1)
    at, found = 1 + 4 * count, []
    for size in sizes:
        found.append(whole_numbers(axis[at : at + size], rows))
        at += size
    return found


def block_values(body, rows):
    kind = body[0]
    width = 8 if kind & 1 else 4
    if kind & 4:
        return np.full(rows, struct.unpack_from("<d", body, 1)[0])
    if not kind & 2:
        return np.frombuffer(body, f"<f{width}", rows, 1).astype("<f8")
    sizes = struct.unpack_from(f"<{width}I", body, 1)
    at, found = 1 + 4 * width, np.empty((rows, width), np.uint8)
    for place, size in enumerate(sizes):
        plane = body[at : at + (size or rows)]
        found[:, place] = np.frombuffer(
            zstandard.ZstdDecompressor().decompress(plane, max_output_size=rows) if size else plane, np.uint8
        )
        at += size or rows
    return found.view(f"<f{width}")[:, 0].astype("<f8")


def read_points(path, run_id, metric):
    """(seq, step, time, value) of one metric of a run, in the order of logging."""
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    points = []
    streams = db.execute(
        "SELECT stream.number, sealed_through FROM stream JOIN source ON source.number = stream.source "
        "WHERE source.id = ? ORDER BY attempt, stream.number",
        (run_id,),
    ).fetchall()
    for stream, through in streams:
        found = []
        sets = db.execute("SELECT number, names FROM metric_set WHERE stream = ?", (stream,)).fetchall()
        columns = {number: json.loads(names) for number, names in sets}
        for number, names in columns.items():
            if metric not in names:
                continue
            chunks = db.execute(
                "SELECT number, rows, axis FROM chunk WHERE metric_set = ? AND level = 0 ORDER BY k", (number,)
            )
            for chunk, rows, axis in chunks.fetchall():
                block = chunk * 16384 + names.index(metric)
                (body,) = db.execute("SELECT body FROM block WHERE id = ?", (block,)).fetchone()
                found += zip(
                    *(column.tolist() for column in axis_columns(axis, rows)),
                    block_values(body, rows).tolist(),
                    strict=True,
                )
        rows = db.execute("SELECT body FROM journal WHERE stream = ? AND number > ? ORDER BY number", (stream, through))
        for (body,) in rows.fetchall():
            first, _, sets, _ = unpack_msgpack(body)
            for number, step_type, at, steps, times, values in sets:
                names = columns[number]
                if metric in names:
                    matrix = np.frombuffer(values, "<f8").reshape(-1, len(names))
                    found += zip(
                        (first + np.frombuffer(at, "<u4").astype("<i8")).tolist(),
                        np.frombuffer(steps, f"<{'i8' if step_type == 'i8' else 'f8'}").tolist(),
                        np.frombuffer(times, "<i8").tolist(),
                        matrix[:, names.index(metric)].tolist(),
                        strict=True,
                    )
        points += sorted(found, key=lambda point: point[0])
    db.close()
    return points


# --- what it reads -----------------------------------------------------------------------------------------


def batches(rng, kind):
    """Two metric sets, alternating, in frames of a thousand records; values of every kind of block."""
    seq, time = 1, 1_700_000_000_000_000
    for frame in range(14):
        count = 1000
        times = time + np.cumsum(rng.integers(9_000, 12_000, count))
        time = int(times[-1])
        steps = np.arange(seq - 1, seq - 1 + count)
        if kind == "float steps":
            steps = steps + 0.5
        values = rng.standard_normal((count, 3))
        if kind != "float64":
            values = values.astype("<f4").astype("<f8")
        values[:, 1] = 0.25
        values[rng.integers(0, count, 5), 0] = [np.nan, np.inf, -np.inf, -0.0, 5e-324]
        names = ("loss", "lr", "grad") if frame % 2 else ("grad", "other", "loss")
        yield (
            Batch(
                seq,
                count,
                (
                    SetColumns(
                        frame % 2, np.arange(count, dtype="<u4").tobytes(), steps.astype("<f8" if kind == "float steps" else "<i8").tobytes(),
                        times.astype("<i8").tobytes(), values.tobytes(), names=names,
                        step_type="f8" if kind == "float steps" else "i8",
                    ),
                ),
            ),
            [(seq + row, steps[row], int(times[row]), values[row, names.index("loss")]) for row in range(count)],
        )  # fmt: skip
        seq += count


@pytest.mark.parametrize("kind", ["float32", "float64", "float steps"])
def test_a_reader_written_from_the_page_reads_every_point(tmp_path, kind):
    """In blocks, in chunks that are not full, in the journal: each point once, bit for bit."""
    storage = open_storage(tmp_path)
    stream = storage.writer.submit(lambda tx: storage.series.open_stream(tx, "run_a", "w")).result(20)
    logged = []
    for number, (batch, points) in enumerate(batches(np.random.default_rng(5), kind)):
        storage.writer.submit(lambda tx, batch=batch: storage.series.append(tx, stream, batch)).result(20)
        logged += points
        if number in {6, 12}:
            storage.series.seal()
    found = read_points(tmp_path / "dashboard.db", "run_a", "loss")
    storage.close()
    assert [point[:3] for point in found] == [point[:3] for point in logged]
    assert struct.pack(f"<{len(found)}d", *(point[3] for point in found)) == struct.pack(
        f"<{len(logged)}d", *(point[3] for point in logged)
    )
