"""Columns as bytes and back: every bit of every float64 and int64, at the sizes where the format changes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepwire.storage.series import cells, encoding

SIZES = st.one_of(st.sampled_from([1, 2, 63, 64, 65, 128, 255, 4096]), st.integers(1, 300))
INT64 = st.integers(-(2**63), 2**63 - 1)
ODD_BITS = [
    0x0000000000000000, 0x8000000000000000, 0x0000000000000001, 0x7FF0000000000000, 0xFFF0000000000000, 0x7FF8000000000000,
    0xFFF8000000000123, 0x7FF0000000000001, 0x7FFFFFFFE0000000, 0x36A0000000000000, 0x3690000000000000, 0x47EFFFFFE0000000,
    0x47F0000000000000, 0x7FEFFFFFFFFFFFFF, 0x3FB999999999999A, 0x3FB99999A0000000,
]  # fmt: skip


@st.composite
def columns(draw):
    """A matrix of float64 with runs, constants, numbers that float32 holds, and arbitrary bits."""
    count, width, seed = draw(SIZES), draw(st.integers(1, 4)), draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    made = []
    for kind in draw(st.lists(st.integers(0, 6), min_size=width, max_size=width)):
        noise = rng.standard_normal(count)
        made.append(
            [
                noise,
                noise.astype(np.float32).astype(np.float64),
                np.full(count, noise[0]),
                np.resize(np.array(ODD_BITS, np.uint64).view(np.float64), count),
                rng.integers(0, 2**64, count, np.uint64).view(np.float64),
                np.round(noise, 2),
                np.repeat(noise, 20)[:count],
            ][kind]
        )
    return np.ascontiguousarray(np.stack(made))


def bits(numbers):
    """The bits of float64 values."""
    return np.asarray(numbers, np.float64).view(np.uint64).tolist()


@settings(deadline=None)
@given(columns())
def test_values_come_back_bit_for_bit(matrix):
    """Any float64, payloads of NaN and signs of zero too, whichever way a column is packed."""
    bodies = encoding.encode_values(matrix)
    assert len(bodies) == len(matrix)
    for body, column in zip(bodies, matrix, strict=True):
        assert bits(encoding.decode_values(body, len(column))) == bits(column)


@pytest.mark.parametrize("pattern", ODD_BITS)
@pytest.mark.parametrize("count", [1, 2, 64, 65])
def test_one_odd_value_among_plain_ones_comes_back(pattern, count):
    """The value that decides how a column is stored, at either end of it."""
    odd = np.array([pattern], np.uint64).view(np.float64)[0]
    for place in (0, count - 1):
        column = np.linspace(0, 1, count).astype(np.float32).astype(np.float64)
        column[place] = odd
        (body,) = encoding.encode_values(column[None, :])
        assert bits(encoding.decode_values(body, count)) == bits(column)


def test_small_columns_are_small():
    """Constants take nine bytes, float32-exact numbers at most four bytes each, rounded ones less."""
    rng = np.random.default_rng(1)
    noise = rng.standard_normal(4096)
    sizes = [
        len(body)
        for body in encoding.encode_values(
            np.stack([np.full(4096, 0.1), noise.astype(np.float32).astype(np.float64), np.zeros(4096), noise])
        )
    ]
    assert sizes[0] == sizes[2] == 9
    assert sizes[1] <= 4 * 4096 + 1
    assert sizes[3] <= 8 * 4096 + 1


@settings(deadline=None)
@given(
    st.one_of(
        st.lists(INT64, max_size=80),
        st.lists(st.integers(-5, 5), max_size=200),
        st.just([]),
        st.builds(lambda a, n: [a] * n, INT64, SIZES),
    )
)
def test_whole_numbers_come_back(numbers):
    """Any int64, though differences of extremes leave the range."""
    array = np.array(numbers, np.int64)
    found = encoding.decode_numbers(encoding.encode_numbers(array), len(array))
    assert found.dtype == np.int64
    assert found.tolist() == numbers


@settings(deadline=None)
@given(SIZES, st.sampled_from([0, 1, 250, 2**15, 2**31, 2**40]), st.integers(0, 2**32 - 1))
def test_numbers_that_rise_come_back_and_are_packed(count, spread, seed):
    """Times and steps as they come: evenly, with jitter of one to eight bytes, sometimes falling."""
    rng = np.random.default_rng(seed)
    numbers = 1_700_000_000_000_000 + np.cumsum(rng.integers(-spread, spread + 1, count) + 10)
    body = encoding.encode_numbers(numbers)
    assert encoding.decode_numbers(body, count).tolist() == numbers.tolist()
    assert spread or len(body) == 17


@settings(deadline=None)
@given(st.lists(st.floats(allow_nan=False), max_size=70))
def test_steps_that_are_not_whole_come_back(numbers):
    """float64 as they are."""
    found = encoding.decode_numbers(encoding.encode_numbers(np.array(numbers, np.float64)), len(numbers))
    assert bits(found) == bits(numbers)


@settings(deadline=None)
@given(st.lists(st.integers(-(2**53), 2**53), min_size=1, max_size=70), st.booleans())
def test_whole_floats_become_integers_and_nothing_else_does(numbers, spoil):
    """Steps up to 2^53 are equal as int64; one that is not whole keeps all of them floats."""
    floats = np.array(numbers, np.float64)
    if spoil:
        floats[-1] = 0.5
    found = encoding.as_whole(floats)
    assert found.dtype == (np.float64 if spoil else np.int64)
    assert (found == floats).all()


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.booleans(), st.integers(0, 3)), min_size=1, max_size=9),
    st.sampled_from([1, 2, 64, 65]),
    st.integers(0, 2**32 - 1),
)
def test_columns_of_an_axis_are_read_one_by_one(kinds, count, seed):
    """Each column alone is what it is among all; floats and integers stand side by side."""
    rng = np.random.default_rng(seed)
    made = [
        rng.standard_normal(count) if is_float else rng.integers(-10, 10**spread, count, np.int64)
        for is_float, spread in kinds
    ]
    body = encoding.encode_columns(made)
    for at, (found, wanted) in enumerate(zip(encoding.decode_columns(body, count), made, strict=True)):
        assert found.dtype == wanted.dtype
        assert found.tolist() == wanted.tolist() == encoding.decode_column(body, count, at).tolist()


@pytest.mark.parametrize("count", [0, 1, 2, 63, 64, 65, 100_000])
def test_packed_bytes_come_back(count):
    """zstd and back, of nothing and of much."""
    raw = bytes(at % 251 for at in range(count))
    assert encoding.unpack(encoding.pack(raw), len(raw)) == raw


# --- cells -----------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(columns())
def test_cells_are_the_figures_of_64_points(matrix):
    """Extremes, ends, counts and means of every cell, as they are and after their way through bytes."""
    count = matrix.shape[1]
    made = cells.cells_of(matrix)
    stored = [cells.decode_cells(body, len(made.count)) for body in cells.encode_cells(made)]
    for column, (values, (four, mean, odd)) in enumerate(zip(matrix, stored, strict=True)):
        for at, start in enumerate(range(0, count, 64)):
            part = values[start : start + 64]
            finite = part[np.isfinite(part)]
            low, high, first, last = four[:, at].astype(np.float64)
            assert made.count[at] == len(part)
            assert (0 if odd is None else odd[at]) == len(part) - len(finite)
            assert bits([first, last]) == bits(part[[0, -1]])
            assert (low, high) == ((finite.min(), finite.max()) if len(finite) else (np.inf, -np.inf))
            assert (made.min[at, column], made.max[at, column]) == (low, high)
            if len(finite):
                exact = finite.astype(np.longdouble).sum() / len(finite)
                assert low <= mean[at] <= high
                assert abs(np.longdouble(mean[at]) - exact) <= np.longdouble(np.abs(finite).max()) * 2.0**-45 + 1e-300
            else:
                assert mean[at] == 0


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([0, 0, 3, 500]), st.booleans())
def test_eight_cells_in_one_are_the_cell_of_their_points(seed, bad, huge):
    """One level up nothing is lost: counts, extremes, ends, and the mean of all points."""
    rng = np.random.default_rng(seed)
    values = rng.standard_normal((2, 64 * 16)) * (1e308 / 8 if huge else 1)
    values[0, rng.integers(0, 1024, bad)] = rng.choice([np.nan, np.inf, -np.inf])
    if bad == 500:
        values[1, :512] = np.nan
    merged = cells.merge_cells(cells.cells_of(values))
    for column in range(2):
        for at in range(2):
            part = values[column, at * 512 : (at + 1) * 512]
            finite = part[np.isfinite(part)]
            assert merged.count[at] == 512
            assert (0 if merged.odd is None else merged.odd[at, column]) == 512 - len(finite)
            assert bits([merged.first[at, column], merged.last[at, column]]) == bits(part[[0, -1]])
            if len(finite):
                assert (merged.min[at, column], merged.max[at, column]) == (finite.min(), finite.max())
                exact = finite.astype(np.longdouble).sum() / len(finite)
                assert (
                    abs(np.longdouble(merged.mean[at, column]) - exact)
                    <= np.longdouble(np.abs(finite).max()) * 2.0**-42
                )
            else:
                assert merged.mean[at, column] == 0


@settings(deadline=None)
@given(SIZES, st.integers(0, 2**32 - 1), st.sampled_from(["rise", "fall", "halves", "same"]))
def test_the_ends_of_cells_come_back(count, seed, kind):
    """Where cells lie, in order or not, with steps that are whole or not."""
    rng = np.random.default_rng(seed)
    steps = {
        "rise": np.cumsum(rng.integers(0, 3, count)),
        "fall": rng.integers(-50, 50, count),
        "halves": np.sort(rng.integers(0, 99, count)) / 2,
        "same": np.full(count, 7),
    }[kind]
    times = np.cumsum(rng.integers(-1 if kind == "fall" else 0, 9, count))
    found = cells.decode_ends(cells.encode_ends(cells.ends_of(steps, times)), -(-count // 64))
    for at, start in enumerate(range(0, count, 64)):
        for axis, column in (("s", steps[start : start + 64]), ("t", times[start : start + 64])):
            figures = [getattr(found, f"{axis}_{name}")[at] for name in ("first", "last", "min", "max")]
            assert figures == [column[0], column[-1], column.min(), column.max()]
        assert found.count[at] == len(steps[start : start + 64])
