"""Measured features as Parquet files, in a folder or any store that fsspec reaches: what many machines fill together.

    ADDRESS/curate-features.json                  says that the place is one for features, and which
    ADDRESS/<16 hex>/<32 hex>.parquet             columns: key, and one for each part of the store, bytes

A folder holds the files with the same columns, named in each file's schema; a file holds some hundred pictures. Files
are written whole and never changed: a machine that dies leaves no half of one, and one that is damaged all the same is
known by its checksums (https://parquet.apache.org/docs/file-format/data-pages/checksumming/) and counts as absent.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curate import addresses
from curate.errors import FeaturesError
from curate.features.memory import Parts, Store

if TYPE_CHECKING:
    import pyarrow as pa

MARK = "curate-features.json"
FORMAT = 1  # of the layout above
HELD = 256  # keys gathered into one file: 1.5 MB with 1280 dimensions, seconds of one core's work
READERS = 8  # files read at once: stores answer slowly, but many questions at a time
KEY = "key"


class ParquetStore(Store):
    """A store whose values never change: two files that give one key's value of one part give the same.

    Nothing is read or written before the first use. Every method raises FeaturesError where the place fails it.
    """

    def __init__(self, address: str | Path, *, expected: str = "") -> None:
        """`expected`: the identity that the place must have, where it must be there already (see `identity`)."""
        self.address, self._expected = str(address), expected
        self._pending: dict[str, dict[str, bytes]] = {}
        self._damaged: set[str] = set()
        self._files: Any = None
        self._root = ""

    @property
    def problems(self) -> tuple[str, ...]:
        if not self._damaged:
            return ()
        count, where = len(self._damaged), addresses.shown(self.address)
        return (f"{count} damaged files of features in {where} count as absent, {min(self._damaged)} for one",)

    def identity(self) -> str:
        """What tells this place from all others, to all machines that see it. Made at its first use."""
        with self._door():
            self._open()
            path = f"{self._root}/{MARK}"
            if not self._files.exists(path):
                self._write(path, json.dumps({"format": FORMAT, "identity": uuid.uuid4().hex}).encode())
            return str(json.loads(self._files.cat_file(path))["identity"])

    def each(self, part: str, keys: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        wanted = set(keys)
        for table in self._tables([part], [KEY, part]) if wanted else ():
            pairs = zip(*(table.column(name).to_pylist() for name in (KEY, part)), strict=True)
            yield from ((key, value) for key, value in pairs if value is not None and key in wanted)
        yield from ((key, value) for key, value in self._pending.get(part, {}).items() if key in wanted)

    def holds(self, parts: Sequence[str], keys: Sequence[str]) -> set[str]:
        """Those of the keys that are in each of the parts, in one file."""
        wanted = set(keys)
        found = wanted.intersection(*(self._pending.get(part, {}) for part in parts))
        for table in self._tables(parts, [KEY, *parts]):
            rows = zip(*(table.column(name).is_valid().to_pylist() for name in parts), strict=True)
            found |= {key for key, row in zip(table.column(KEY).to_pylist(), rows, strict=True) if all(row)} & wanted
        return found

    def put(self, parts: Parts) -> None:
        for part, values in parts.items():
            self._pending.setdefault(part, {}).update(values)
        if max((len(values) for values in self._pending.values()), default=0) >= HELD:
            self.flush()

    def put_later(self, part: str, key: str, value: bytes) -> None:
        self.put({part: {key: value}})

    def has(self, part: str) -> bool:
        return any(True for _ in self._tables([part], [KEY])) or bool(self._pending.get(part))

    def flush(self) -> None:
        """Writes what is gathered, in one file."""
        parts = {part: values for part, values in sorted(self._pending.items()) if values}
        if not parts:
            return
        import pyarrow as pa
        import pyarrow.parquet

        keys = sorted({key for values in parts.values() for key in values})
        columns = {part: pa.array([values.get(key) for key in keys], pa.binary()) for part, values in parts.items()}
        table = pa.table({KEY: pa.array(keys, pa.string()), **columns})
        sink = pa.BufferOutputStream()
        pyarrow.parquet.write_table(table, sink, compression="zstd", write_page_checksum=True)
        name = _short(32, (f"{part} {key}" for part, values in parts.items() for key in sorted(values)))
        with self._door():
            self._open()
            self._write(f"{self._root}/{_short(16, parts)}/{name}.parquet", sink.getvalue().to_pybytes())
        self._pending = {}

    def close(self) -> None:
        self.flush()

    def _tables(self, parts: Sequence[str], columns: Sequence[str]) -> Iterator[pa.Table]:
        """Those columns of every file that has all of the parts."""
        import pyarrow as pa

        with self._door(), ThreadPoolExecutor(READERS) as pool:
            self._open()
            for folder in self._folders():
                names = sorted(name for name in self._listed(folder) if name.endswith(".parquet"))
                at = 0
                while at < len(names):  # some at a time: tables are large, and the reader may be the slower one
                    some = list(pool.map(lambda name: self._table(name, parts, columns), names[at : at + READERS]))
                    if any(table is False for table in some):
                        break  # the folder of other parts
                    yield from (table for table in some if table is not None)
                    at += READERS
            pa.default_memory_pool().release_unused()  # else it keeps three times what was read last

    def _table(self, path: str, parts: Sequence[str], columns: Sequence[str]) -> Any:
        """The columns of one file; None for a damaged one, False for one without the parts."""
        import pyarrow as pa
        import pyarrow.parquet

        try:
            content = self._files.cat_file(path)
        except FileNotFoundError:
            return None
        try:
            file = pyarrow.parquet.ParquetFile(pa.BufferReader(content), page_checksum_verification=True)
            if not set(parts) <= set(file.schema_arrow.names):
                return False
            return file.read(columns=list(columns), use_threads=False)
        except (OSError, pa.ArrowException):  # OSError is what Arrow raises for a wrong checksum
            self._damaged.add(path.rpartition("/")[2])
            return None

    def _folders(self) -> list[str]:
        return sorted(path for path in self._listed(self._root) if not path.endswith(".json"))

    def _listed(self, folder: str) -> list[str]:
        self._files.invalidate_cache(folder)
        try:
            return [str(path) for path in self._files.ls(folder, detail=False)]
        except FileNotFoundError:
            return []

    def _write(self, path: str, content: bytes) -> None:
        """All of it or nothing: a temporary name where there are folders, else a single put, which stores do whole."""
        if "file" not in _protocols(self._files):
            self._files.pipe_file(path, content)
            return
        final = Path(path)
        final.parent.mkdir(parents=True, exist_ok=True)
        temporary = final.with_name(f"{final.name}.{uuid.uuid4().hex}.part")
        try:
            temporary.write_bytes(content)
            temporary.replace(final)
        finally:
            temporary.unlink(missing_ok=True)

    def _open(self) -> None:
        if self._files is not None:
            return
        fsspec = _imported(self.address)
        files, root = fsspec.core.url_to_fs(self.address)
        self._files, self._root = files, root.rstrip("/")
        if self._expected:
            found = ""
            with suppress(FileNotFoundError):
                found = str(json.loads(files.cat_file(f"{self._root}/{MARK}")).get("identity"))
            if found != self._expected:
                import platform

                problem = f"the machine {platform.node()} does not see it"
                advice = "Give --features a place that all machines reach"
                raise FeaturesError(addresses.shown(self.address), problem, advice)

    @contextmanager
    def _door(self) -> Iterator[None]:
        """Turns what file systems raise into FeaturesError."""
        try:
            yield
        except FeaturesError:
            raise
        except ImportError as error:
            raise FeaturesError(addresses.shown(self.address), str(error), "Install what it names") from error
        except (OSError, ValueError) as error:
            told = (getattr(error, "strerror", None) or str(error) or type(error).__name__).strip().splitlines()[0]
            raise FeaturesError(
                addresses.shown(self.address), f"cannot be used: {told[:200]}", "Check the address and its permissions"
            ) from error


def _imported(address: str) -> Any:
    try:
        import fsspec.core
        import pyarrow.parquet  # noqa: F401 - so that it is known to be there
    except ImportError as error:
        problem = f"features cannot be kept as Parquet ({error})"
        advice = "Install what it needs: pip install 'lora-curate[ray]'"
        raise FeaturesError(addresses.shown(address), problem, advice) from error
    return fsspec


def _protocols(files: Any) -> tuple[str, ...]:
    return (files.protocol,) if isinstance(files.protocol, str) else tuple(files.protocol)


def _short(digits: int, names: Iterable[str] | Mapping[str, object]) -> str:
    """A name for what is named, by its content: work that is done twice is written once."""
    return hashlib.sha256("\n".join(names).encode("utf-8", "surrogateescape")).hexdigest()[:digits]
