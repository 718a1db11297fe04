"""Event files: scalars in every encoding, files that grow, damage."""

import contextlib
import math
import struct
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.formats.events import event, field, simple, tensor, varint, version

from stepwire.formats import tfrecord
from stepwire.formats.crc32c import crc32c
from stepwire.formats.points import Point
from stepwire.formats.tensorboard import EventFile, find_event_files, is_event_file, read_event
from stepwire.formats.tfrecord import frame

# What tensorboardX 2.6.5 wrote for add_scalar("loss", 0.5, 7, walltime=1763905927.5).
TENSORBOARDX = bytes.fromhex(
    "1800000000000000a37f4b2209e6f8005896c2da411a0d627261696e2e4576656e743a32c6f3ce2f"
    "1a00000000000000129bd82d090000e061c448da4110072a0d0a0b0a046c6f7373150000003f376c3713"
)
# What TensorBoard 2.21.0 wrote for scalar_pb("epoch_loss", 0.25) at step 8, 1763905928.25 s: a tensor.
TENSORBOARD = bytes.fromhex(
    "4800000000000000fe92489d09b5ca045896c2da411a0d627261696e2e4576656e743a32522e0a2c74656e736f72626f6172642e73756d6d"
    "6172792e7772697465722e6576656e745f66696c655f7772697465727c05cef334000000000000005e33175c0900001062c448da4110082a"
    "270a250a0a65706f63685f6c6f7373420a080112002a040000803e4a0b0a090a077363616c617273bb74c848"
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where an event file will be."""
    return tmp_path / "events.out.tfevents.1763905927.host"


def add(file: Path, data: bytes) -> None:
    """Add bytes to a file."""
    with file.open("ab") as opened:
        opened.write(data)


def losses(points: list[Point]) -> list[tuple[float | None, float]]:
    """Step and loss of each point."""
    return [(point.step, point.metrics["loss"]) for point in points]


@pytest.mark.parametrize(
    ("data", "crc"), [(b"123456789", 0xE3069283), (bytes(32), 0x8A9136AA), (b"\xff" * 32, 0x62A8AB43), (b"", 0)]
)
def test_crc32c_is_castagnolis(data: bytes, crc: int) -> None:
    """The check values of RFC 3720 and of the CRC catalogue come out."""
    assert crc32c(data) == crc


def test_files_of_real_writers_are_read(file: Path) -> None:
    """Bytes that tensorboardX and TensorBoard wrote give what was logged, with its step and time."""
    file.write_bytes(TENSORBOARDX)
    assert EventFile(file).read() == [Point({"loss": 0.5}, 7, 1763905927500000)]
    file.write_bytes(TENSORBOARD)
    assert EventFile(file).read() == [Point({"epoch_loss": 0.25}, 8, 1763905928250000)]


def test_what_these_tests_write_is_what_real_writers_write() -> None:
    """The builder of the tests makes the bytes of tensorboardX."""
    assert frame(event(1763905927.5, 7, simple("loss", 0.5))) == TENSORBOARDX[40:]
    as_tensor = tensor("epoch_loss", 1, field(5, struct.pack("<f", 0.25)))
    assert TENSORBOARD.endswith(frame(event(1763905928.25, 8, as_tensor)))


@pytest.mark.parametrize(
    ("dtype", "body", "value"),
    [
        (1, field(4, struct.pack("<f", 0.5)), 0.5),
        (2, field(4, struct.pack("<d", 0.1)), 0.1),
        (3, field(4, struct.pack("<i", -3)), -3.0),
        (4, field(4, b"\xff"), 255.0),
        (5, field(4, struct.pack("<h", -2)), -2.0),
        (6, field(4, struct.pack("<b", -1)), -1.0),
        (9, field(4, struct.pack("<q", 2**40)), 2.0**40),
        (10, field(4, b"\x01"), 1.0),
        (14, field(4, b"\x80\x3f"), 1.0),
        (17, field(4, b"\xff\xff"), 65535.0),
        (19, field(4, struct.pack("<e", 1.5)), 1.5),
        (22, field(4, b"\xff\xff\xff\xff"), 2.0**32 - 1),
        (23, field(4, b"\xff" * 8), 2.0**64),
        (1, field(5, struct.pack("<f", 0.5)), 0.5),
        (1, b"\x2d" + struct.pack("<f", 0.5), 0.5),
        (2, field(6, struct.pack("<d", 0.1)), 0.1),
        (2, b"\x31" + struct.pack("<d", 0.1), 0.1),
        (3, field(7, varint(-3)), -3.0),
        (3, b"\x38" + varint(-3), -3.0),
        (9, field(10, varint(2**40)), 2.0**40),
        (10, field(11, varint(1)), 1.0),
        (19, field(13, varint(0x3E00)), 1.5),
        (14, field(13, varint(0x3F80)), 1.0),
        (22, b"\x80\x01" + varint(7), 7.0),
        (23, b"\x88\x01" + varint(2**64 - 1), 2.0**64),
    ],
)
def test_every_type_of_tensor_scalar(dtype: int, body: bytes, value: float) -> None:
    """A tensor of one number is a scalar, whatever its type, packed or not."""
    point = read_event(event(1.0, 3, tensor("a", dtype, body)))
    assert point == Point({"a": value}, 3, 1_000_000)


@pytest.mark.parametrize(
    "value",
    [
        tensor("text", 7, field(8, b"hello")),
        tensor("histogram", 2, field(4, bytes(72)), field(2, b"\x08\x03") + field(2, b"\x08\x03")),
        tensor("filled", 1, field(5, struct.pack("<f", 0.5)), field(2, b"\x08\x05")),
        tensor("empty", 1, b""),
        field(1, b"image") + field(4, b"\x08\x01"),
        simple("", 0.5),
        simple("x" * 513, 0.5),
    ],
)
def test_what_is_no_scalar_is_passed_over(value: bytes) -> None:
    """Text, histograms, images and names that no metric can have give nothing, and the rest of the event stays."""
    assert read_event(event(1.0, 0, value)) is None
    point = read_event(event(1.0, 0, value, simple("loss", 0.5)))
    assert point is not None
    assert point.metrics == {"loss": 0.5}


def test_a_scalar_that_is_one_element_of_one_dimension_counts() -> None:
    """A shape of [1] holds one number."""
    point = read_event(event(1.0, 0, tensor("a", 1, field(5, struct.pack("<f", 2.0)), field(2, b"\x08\x01"))))
    assert point is not None
    assert point.metrics == {"a": 2.0}


def test_nan_infinity_negative_steps_and_odd_times() -> None:
    """Values are kept as they are; a step beyond ±2**53 and a time that is none are left out."""
    point = read_event(event(0.0, -5, simple("a", math.inf), simple("b", math.nan)))
    assert point is not None
    assert (point.step, point.time, point.metrics["a"]) == (-5, None, math.inf)
    assert math.isnan(point.metrics["b"])
    far = read_event(event(1.0, 2**60, simple("a", 1.0)))
    assert far is not None
    assert far.step is None


def test_a_file_that_grows_byte_by_byte_gives_each_event_once(file: Path) -> None:
    """An event whose last byte is not there waits; none comes twice."""
    reader = EventFile(file)
    assert reader.read() == []
    found = []
    for byte in version() + b"".join(frame(event(1.0, step, simple("loss", step))) for step in range(5)):
        add(file, bytes([byte]))
        found += reader.read()
    assert losses(found) == [(step, float(step)) for step in range(5)]
    assert reader.warning is None


def test_more_than_one_piece_is_read_on(file: Path) -> None:
    """A file larger than what is read at once says that it is behind until its end."""
    count = 40_000
    file.write_bytes(b"".join(frame(event(1.0, step, simple("loss", step))) for step in range(0, count, 1)))
    reader = EventFile(file)
    found = reader.read()
    assert reader.is_behind
    while reader.is_behind:
        found += reader.read()
    assert [point.step for point in found] == list(range(count))


def test_what_was_there_before_is_passed_over(file: Path) -> None:
    """Reading begins behind the bytes that are named, at whole events."""
    old = version() + frame(event(1.0, 1, simple("loss", 1)))
    file.write_bytes(old)
    reader = EventFile(file, start=len(old))
    add(file, frame(event(1.0, 2, simple("loss", 2))))
    assert losses(reader.read()) == [(2, 2.0)]


def test_a_damaged_event_is_passed_over_with_a_warning(file: Path) -> None:
    """A flipped bit in the data costs that event alone."""
    bad = bytearray(frame(event(1.0, 2, simple("loss", 2))))
    bad[-6] ^= 1
    good = frame(event(1.0, 3, simple("loss", 3)))
    file.write_bytes(version() + bytes(bad) + good)
    reader = EventFile(file)
    assert losses(reader.read()) == [(3, 3.0)]
    assert reader.warning == "1 damaged events were passed over"


def test_a_damaged_length_ends_the_file_with_a_warning(file: Path) -> None:
    """Nobody can tell where the next event begins, so nothing more is read."""
    good = frame(event(1.0, 1, simple("loss", 1)))
    bad = bytearray(good)
    bad[0] ^= 1
    file.write_bytes(good + bytes(bad) + good)
    reader = EventFile(file)
    assert losses(reader.read()) == [(1, 1.0)]
    assert reader.warning == f"it is damaged at byte {len(good)}; what follows is not read"
    assert not reader.is_behind
    add(file, good)
    assert reader.read() == []


def test_zeros_at_the_end_are_data_that_is_not_there_yet(file: Path) -> None:
    """A network's file system may show the new size before the data: that is no damage."""
    good = frame(event(1.0, 1, simple("loss", 1)))
    file.write_bytes(good + bytes(20))
    reader = EventFile(file)
    assert losses(reader.read()) == [(1, 1.0)]
    assert reader.warning is None


def test_a_huge_record_is_passed_over(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not held in memory, however slowly it is written."""
    monkeypatch.setattr(tfrecord, "MAX_RECORD_BYTES", 1000)
    reader = EventFile(file)
    huge = frame(event(1.0, 1, field(1, b"image") + field(4, bytes(5000))))
    for place in range(0, len(huge), 700):
        add(file, huge[place : place + 700])
        assert reader.read() == []
    add(file, frame(event(1.0, 2, simple("loss", 2))))
    assert losses(reader.read()) == [(2, 2.0)]


def test_a_file_that_was_replaced_is_read_from_its_beginning(file: Path, tmp_path: Path) -> None:
    """Another file under the same name, or a shorter one, is a new one."""
    file.write_bytes(frame(event(1.0, 1, simple("loss", 1))) * 3)
    reader = EventFile(file, start=10)
    reader.read()
    file.write_bytes(frame(event(1.0, 9, simple("loss", 9))))
    assert losses(reader.read()) == [(9, 9.0)]
    other = tmp_path / "other"
    other.write_bytes(frame(event(1.0, 8, simple("loss", 8))) * 2)
    other.replace(file)
    assert losses(reader.read()) == [(8, 8.0), (8, 8.0)]


@given(st.binary(max_size=300))
def test_any_bytes_are_an_event_or_a_value_error(data: bytes) -> None:
    """Hostile data raises ValueError and nothing else."""
    with contextlib.suppress(ValueError):
        read_event(data)


@given(st.integers(0, 200), st.integers(0, 7))
def test_any_flipped_bit_is_found(place: int, bit: int) -> None:
    """A scalar is given as it was written, or not at all."""
    data = bytearray(b"".join(frame(event(1.0, step, simple("loss", step))) for step in (1, 2)))
    data[place % len(data)] ^= 1 << bit
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "events"
        file.write_bytes(version() + data)
        reader = EventFile(file)
        assert set(losses(reader.read())) < {(1, 1.0), (2, 2.0)}
    assert reader.warning


def test_event_files_are_found_in_folders_below(tmp_path: Path) -> None:
    """Those that TensorBoard would read, at any depth; a link to a folder is not followed."""
    names = ["events.out.tfevents.1.a", "train/events.out.tfevents.2.a.v2", "a/b/c/events.out.tfevents.3"]
    for name in [*names, "model.pt", "x/events.out.tfevents.4.profile-empty"]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "loop").symlink_to(tmp_path)
    assert sorted(str(path.relative_to(tmp_path)) for path in find_event_files(tmp_path)) == sorted(names)
    assert not is_event_file("events.txt")
