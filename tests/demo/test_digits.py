"""The images that the demo learns from."""

import hashlib
from importlib.resources import files

import numpy as np

from stepwire.demo.digits import BRIGHTEST, CLASSES, VALIDATION_IMAGES, load_digits, shift, split

FOLDER = files("stepwire.demo")


def test_the_file_is_the_one_that_its_licence_page_names() -> None:
    """The data is byte for byte what the page beside it describes, small, and free of pickles."""
    content = (FOLDER / "digits.npz").read_bytes()
    page = (FOLDER / "digits.LICENSE.md").read_text("utf-8")
    assert hashlib.sha256(content).hexdigest() in page
    assert "CC BY 4.0" in page
    assert len(content) < 50_000
    with (FOLDER / "digits.npz").open("rb") as file, np.load(file, allow_pickle=False) as arrays:
        assert {name: (arrays[name].shape, arrays[name].dtype) for name in arrays.files} == {
            "images": ((1797, 8, 8), np.uint8),
            "labels": ((1797,), np.uint8),
        }
        assert (arrays["images"].min(), arrays["images"].max()) == (0, BRIGHTEST)


def test_all_images_of_the_uci_test_set_are_there() -> None:
    """Count, shape, range and the number of each digit are those that UCI publishes."""
    digits = load_digits()
    assert digits.images.shape == (1797, 8, 8, 1)
    assert (digits.images.min(), digits.images.max()) == (0.0, 1.0)
    assert np.bincount(digits.labels, minlength=CLASSES).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]


def test_no_image_is_learned_from_and_validated_with() -> None:
    """The split uses each image once, is the same at each call, and validates every run with the same images."""
    digits = load_digits()
    training, validation = split(digits, 1347)
    assert (len(training), len(validation)) == (1347, VALIDATION_IMAGES)
    rows = np.concatenate([training.images, validation.images]).reshape(len(digits), -1)
    assert sorted(map(bytes, rows)) == sorted(map(bytes, digits.images.reshape(len(digits), -1)))
    few, same_validation = split(digits, 40)
    assert np.array_equal(few.images, training.images[:40])
    assert np.array_equal(same_validation.labels, validation.labels)


def test_a_shift_moves_and_keeps_the_image() -> None:
    """Each image moves by at most the given pixels along each axis and nothing else happens to it."""
    images = np.zeros((200, 8, 8, 1), np.float32)
    images[:, 4, 3, 0] = 0.5
    moved = shift(images, 1, np.random.default_rng(0))
    assert moved.shape == images.shape
    places = {(int(y), int(x)) for _, y, x, _ in np.argwhere(moved == 0.5)}
    assert places == {(y, x) for y in (3, 4, 5) for x in (2, 3, 4)}
    assert np.all(moved.sum(axis=(1, 2, 3)) == 0.5)
    assert shift(images, 0, np.random.default_rng(0)) is images
