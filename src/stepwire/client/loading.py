"""Loads checkpoints by the suffix of their file, running no code from it unless the caller trusts it.

Each library is imported only when such a file is loaded.
"""

import importlib
import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from stepwire.errors import InvalidError, MissingExtraError

_JSON_BYTES = 16 * 1024 * 1024
_READ_BYTES = 1024 * 1024
_TORCH_REFUSALS = ("GLOBAL", "Can only")  # what torch says of a class, as opposed to a damaged file
_MAX_HEADER_BYTES = 100 * 1024 * 1024  # what safetensors itself allows


class DamagedCheckpointError(ValueError):
    """The file is not there, or not whole."""


def load_checkpoint(path: Path, *, trust: bool = False) -> Any:
    """Return what a checkpoint file holds.

    ``.pt``, ``.pth`` and ``.ckpt`` as ``torch.load`` gives it, on the CPU, with ``weights_only=True``;
    ``.safetensors`` and ``.npz`` as a dict of tensors or arrays; ``.json`` as it is; ``.pkl``, ``.pickle`` and
    ``.joblib`` only with ``trust``.

    Args:
        trust: The file may run any code: it comes from nobody else.

    Raises:
        DamagedCheckpointError: It is missing, cut off or otherwise not whole.
        InvalidError: It is none of these, or could run code and ``trust`` is not given.
        MissingExtraError: The library that reads it is not installed.
    """
    suffix = path.suffix.lower()
    if path.is_dir() or suffix not in _LOADERS:
        kind = "a folder" if path.is_dir() else f"a {suffix or 'nameless'} file"
        raise InvalidError(f"{path} is {kind}: load it yourself, from last_checkpoint_path().", "filepath")
    if suffix in _TRUSTED and not trust:
        raise InvalidError(
            f"{path} can run any code while it is loaded. If it is your own, use get_last_checkpoint(trust=True).",
            "trust",
        )
    check_whole(path)
    try:
        return _LOADERS[suffix](path, trust)
    except (InvalidError, MissingExtraError, DamagedCheckpointError, ImportError, AttributeError, MemoryError):
        raise  # not the file's fault: an older file would not help
    except Exception as error:  # each library has its own errors for a damaged file
        raise DamagedCheckpointError(f"{path} can't be loaded: {_short(error)}") from error


def check_whole(path: Path) -> None:
    """Look at the outside of a checkpoint, file or folder, without loading it.

    Raises:
        DamagedCheckpointError: It is missing, empty or cut off.
    """
    try:
        if path.is_dir():
            if not any(path.iterdir()):
                raise DamagedCheckpointError(f"{path} is empty")
            return
        if path.stat().st_size == 0:
            raise DamagedCheckpointError(f"{path} is empty")
        _CHECKS.get(path.suffix.lower(), _check_nothing)(path)
    except OSError as error:
        raise DamagedCheckpointError(f"{path} is not whole: {_short(error)}") from error


# --- how whole files look --------------------------------------------------------------------------------


def _check_nothing(path: Path) -> None:
    """Their format tells no length."""


def _check_zip(path: Path) -> None:
    from zipfile import BadZipFile, ZipFile

    try:
        ZipFile(path).close()  # its directory is at the end
    except BadZipFile as error:
        raise DamagedCheckpointError(f"{path} is not whole: {_short(error)}") from error


def _check_torch(path: Path) -> None:
    with path.open("rb") as file:
        is_zip = file.read(2) == b"PK"
    if is_zip:  # else it is in torch's first format
        _check_zip(path)


def _check_safetensors(path: Path) -> None:
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header = file.read(min(length, _MAX_HEADER_BYTES))
    try:
        tensors = {name: told for name, told in json.loads(header).items() if name != "__metadata__"}
        end = max((told["data_offsets"][1] for told in tensors.values()), default=0)
    except (ValueError, AttributeError, LookupError, TypeError) as error:
        raise DamagedCheckpointError(f"{path} has no whole header") from error
    if path.stat().st_size != 8 + length + end:
        raise DamagedCheckpointError(f"{path} has {path.stat().st_size:,} bytes, not {8 + length + end:,}")


def _check_json(path: Path) -> None:
    if path.stat().st_size > _JSON_BYTES:
        return
    try:
        json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise DamagedCheckpointError(f"{path} is no whole JSON: {_short(error)}") from error


# --- loading ---------------------------------------------------------------------------------------------


def _load_torch(path: Path, trust: bool) -> Any:
    torch = _library("torch")
    _check_sums(path)
    try:
        return torch.load(path, map_location="cpu", weights_only=not trust)
    except Exception as error:
        reason = str(error).rpartition("WeightsUnpickler error: ")[2]
        if trust or not any(mark in reason for mark in _TORCH_REFUSALS):
            raise
        raise InvalidError(
            f"{path} holds more than weights. Allow its classes with torch.serialization.add_safe_globals, or, "
            f"if it is your own, use get_last_checkpoint(trust=True). torch says: {reason.strip()[:200]}",
            "trust",
        ) from error


def _check_sums(path: Path) -> None:
    """Compare the checksums in a file of torch, which torch itself does not look at."""
    from zipfile import ZipFile, is_zipfile

    if not is_zipfile(path):
        return
    with ZipFile(path) as archive:
        for member in archive.infolist():
            if member.CRC == 0:  # torch can be told to leave them out
                continue
            with archive.open(member) as content:
                while content.read(_READ_BYTES):
                    pass


def _load_safetensors(path: Path, trust: bool) -> Any:
    import sys

    library = "safetensors.torch" if "torch" in sys.modules else "safetensors.numpy"
    return _library(library).load_file(path)


def _load_npz(path: Path, trust: bool) -> Any:
    with _library("numpy").load(path, allow_pickle=trust) as archive:
        try:
            return {name: archive[name] for name in archive.files}
        except ValueError as error:
            if trust or "allow_pickle" not in str(error):
                raise
            raise InvalidError(
                f"{path} holds Python objects. If it is your own, use get_last_checkpoint(trust=True).", "trust"
            ) from error


def _load_json(path: Path, trust: bool) -> Any:
    return json.loads(path.read_bytes())


def _load_pickle(path: Path, trust: bool) -> Any:
    import pickle

    with path.open("rb") as file:
        return pickle.load(file)


def _load_joblib(path: Path, trust: bool) -> Any:
    return _library("joblib").load(path)


def _library(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        package = name.partition(".")[0]
        if error.name is None or error.name.partition(".")[0] not in {package, "torch", "numpy"}:
            raise
        raise MissingExtraError(f"This checkpoint needs {package}: pip install {package}") from error


def _short(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__)[:300]


_LOADERS: dict[str, Callable[[Path, bool], Any]] = {
    ".pt": _load_torch,
    ".pth": _load_torch,
    ".ckpt": _load_torch,
    ".safetensors": _load_safetensors,
    ".npz": _load_npz,
    ".json": _load_json,
    ".pkl": _load_pickle,
    ".pickle": _load_pickle,
    ".joblib": _load_joblib,
}
_TRUSTED = frozenset({".pkl", ".pickle", ".joblib"})
_CHECKS: dict[str, Callable[[Path], None]] = {
    ".pt": _check_torch,
    ".pth": _check_torch,
    ".ckpt": _check_torch,
    ".safetensors": _check_safetensors,
    ".npz": _check_zip,
    ".json": _check_json,
}
