"""The handwritten digits: loading, splitting, shifting. Source and licence: ``digits.LICENSE.md``."""

from dataclasses import dataclass
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

CLASSES = 10
SIDE = 8
BRIGHTEST = 16
VALIDATION_IMAGES = 450
_SPLIT_SEED = 1998

Images = NDArray[np.floating]
Labels = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Digits:
    """Images ``(n, 8, 8, 1)`` with values from 0 to 1, and the digit that each shows."""

    images: Images
    labels: Labels

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, places: slice | NDArray[np.intp]) -> "Digits":
        """Return some of the images."""
        return Digits(self.images[places], self.labels[places])


def load_digits() -> Digits:
    """Return all 1,797 images in the order of the file."""
    with (files("stepwire.demo") / "digits.npz").open("rb") as file, np.load(file, allow_pickle=False) as arrays:
        images = arrays["images"].astype(np.float32)[..., np.newaxis] / np.float32(BRIGHTEST)
        return Digits(images, arrays["labels"].astype(np.intp))


def split(digits: Digits, training_images: int) -> tuple[Digits, Digits]:
    """Return ``training_images`` images to learn from and 450 to validate with, the same at every call."""
    order = np.random.default_rng(_SPLIT_SEED).permutation(len(digits))
    validation, training = order[:VALIDATION_IMAGES], order[VALIDATION_IMAGES:]
    return digits.take(training[:training_images]), digits.take(validation)


def shift(images: Images, most: int, random: np.random.Generator) -> Images:
    """Return copies, each moved by up to ``most`` pixels along both axes, empty where nothing was."""
    if most == 0:
        return images
    padded = np.pad(images, ((0, 0), (most, most), (most, most), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (SIDE, SIDE), axis=(1, 2))
    down, right = random.integers(0, 2 * most + 1, size=(2, len(images)))
    moved: Images = np.moveaxis(windows[np.arange(len(images)), down, right], 1, -1)
    return moved
