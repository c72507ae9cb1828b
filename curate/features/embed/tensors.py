"""The tensors of a file that `torch.save` wrote in its old format, read without PyTorch, whose import takes 2 s.

Such a file is a row of pickles: a magic number, the format's version, facts of the machine, the tensors as views of
storages, the storages' names; then each storage's length and numbers. Format: `torch/serialization.py`, `_legacy_save`.
A pickle can run any code while it is read, so nothing is looked up here but the few names that tensors need.
"""

from __future__ import annotations

import io
import pickle
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAGIC, VERSION = 0x1950A86A20F9469CFC6C, 1001
_TYPES = {"FloatStorage": "<f4", "LongStorage": "<i8"}  # of what the weights hold; the order of bytes is checked


@dataclass(frozen=True, slots=True)
class _View:
    """A tensor: a part of a storage, by numbers, not bytes."""

    storage: tuple[str, str]  # its key and numpy's name of its type
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]


def read_tensors(path: Path) -> list[NDArray[Any]]:
    """The tensors, read-only, in the order of the file. Raises OSError, and ValueError for any other file."""
    data = path.read_bytes()
    try:
        return _tensors(data)
    except (pickle.UnpicklingError, EOFError, KeyError, IndexError, TypeError, AttributeError, OverflowError) as error:
        raise ValueError(str(error) or "not a file of tensors") from error


def _tensors(data: bytes) -> list[NDArray[Any]]:
    file = io.BytesIO(data)

    def read() -> Any:
        return _Reader(file).load()

    magic, version, machine = read(), read(), read()
    if (magic, version) != (MAGIC, VERSION) or not machine["little_endian"]:
        raise ValueError("not a file of torch.save in its old format")
    views, keys = read(), read()
    types = dict(view.storage for view in views.values())
    storages = {}
    for key in keys:
        length, kind = int.from_bytes(file.read(8), "little"), np.dtype(types[key])
        storages[key] = np.frombuffer(data, kind, length, file.tell())
        file.seek(length * kind.itemsize, io.SEEK_CUR)
    return [_part(storages[view.storage[0]], view) for view in views.values()]


def _part(storage: NDArray[Any], view: _View) -> NDArray[Any]:
    """Raises ValueError for a view that leads out of its storage, as numpy does."""
    size = storage.itemsize
    strides = tuple(step * size for step in view.stride)
    return np.ndarray(view.shape, storage.dtype, storage[view.offset :].data, 0, strides)


class _Reader(pickle.Unpickler):
    """Builds dictionaries, numbers and views of storages; raises UnpicklingError for everything else."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _view
        if module == "torch" and name in _TYPES:
            return _TYPES[name]
        raise pickle.UnpicklingError(f"it asks for {module}.{name}, which tensors do not need")

    def persistent_load(self, saved: Any) -> tuple[str, str]:
        _, kind, key, *_ = saved
        return key, kind


def _view(storage: tuple[str, str], offset: int, shape: tuple[int, ...], stride: tuple[int, ...], *_: object) -> _View:
    return _View(storage, offset, shape, stride)
