"""What was counted last of a folder: a scan that finds the same pictures, grouped alike, need not count them anew.

An answer is kept beside a digest of all that it was counted from, so an old one is never read as a new one.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

from curate.records import Diversity

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from curate.settings import ScanSettings

    Arrays = Mapping[str, NDArray[Any]]

VERSION = 1  # of how it is counted: raise it when the same pictures give other numbers
COUNTED = tuple(field.name for field in fields(Diversity) if field.name != "weights")


class Answers:
    """The answers that are kept in the cache of the settings, for one folder and model."""

    def __init__(self, settings: ScanSettings, folder: str, embeddings: NDArray[np.float32], u: float) -> None:
        import numpy as np

        self._settings, self._folder = settings, folder
        self._counted_from = hashlib.sha256(repr((VERSION, COUNTED, embeddings.shape, u)).encode())
        self._counted_from.update(np.ascontiguousarray(embeddings).data)

    def once(self, what: str, keepers: NDArray[np.intp], make: Callable[[], Arrays]) -> Arrays:
        """What `make` counts of the photographs `keepers` (int [N], see `diversity.measure`), or counted before."""
        import numpy as np

        from curate import features

        whole = self._counted_from.copy()
        whole.update(keepers.astype("<i8").tobytes())
        key = np.frombuffer(whole.digest(), np.uint8)
        with features.open_store(self._settings) as store:
            kept = store.get_last(what, self._folder)
        known = {} if kept is None else _read(kept)
        if "key" in known and np.array_equal(known["key"], key):
            return known
        made = make()
        file = io.BytesIO()
        parts: dict[str, Any] = {**made, "key": key}
        np.savez(file, **parts)
        with features.open_store(self._settings) as store:
            store.put_last(what, self._folder, file.getvalue())
        return made


def _read(kept: bytes) -> dict[str, NDArray[Any]]:
    """The arrays; none where they are damaged (the archive keeps checksums)."""
    import numpy as np

    with (
        suppress(zipfile.BadZipFile, ValueError, KeyError, OSError, EOFError),
        np.load(io.BytesIO(kept), allow_pickle=False) as parts,
    ):
        return {name: parts[name] for name in parts.files}
    return {}


def arrays_of(held: Diversity) -> Arrays:
    """A count as arrays."""
    import numpy as np

    return {name: np.asarray(value) for name, value in asdict(held).items()}


def diversity_of(found: Arrays) -> Diversity:
    """The count again, bit for bit."""
    return Diversity(weights=found["weights"], **{name: found[name].item() for name in COUNTED})
