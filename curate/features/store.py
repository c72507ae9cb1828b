"""The store on disk: one SQLite file in the user's cache folder.

Pictures are never stored, and nothing is lost when the file is deleted. Write-ahead logging lets several processes read
and write at once. SQLite keeps no checksums, so each value bears one of its own: what a disk has changed is not known
any more, rather than another answer.
"""

from __future__ import annotations

import hashlib
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from curate.errors import CacheError
from curate.features.divided import Divided
from curate.features.memory import MEASURED, Parts, Store
from curate.features.parquet import ParquetStore
from curate.settings import ScanSettings

FILE = "features-2.sqlite3"  # 2: version of the table below
OURS = 0x63757261  # "cura": application id in the file's header, by which our own file is known when it is damaged
PATIENCE = 10.0  # s that another process may hold the file; one batch is written in milliseconds
CHUNK = 500  # keys a query: SQLite before 3.32 takes at most 999
PENDING = 500  # single values held before they are written together
SEAL = 8  # bytes of a value's checksum: a changed value passes once in 2^64
_DAMAGED = ("malformed", "not a database")  # in SQLite's messages for SQLITE_CORRUPT and SQLITE_NOTADB
Result = TypeVar("Result")


class SqliteStore(Store):
    """The cache on disk. Safe to use from several threads. Every method raises CacheError where the file fails it."""

    def __init__(self, folder: Path, connection: sqlite3.Connection) -> None:
        self.path = folder / FILE
        self._connection = connection
        self._lock = threading.RLock()
        self._pending: dict[str, dict[str, bytes]] = {}
        self._parts: dict[str, int] = {}

    @classmethod
    def open(cls, folder: Path | None = None) -> SqliteStore:
        """The store in `folder`, made if need be; None: the user's cache folder for curate.

        A damaged file that is ours is set aside beside it and a new one begun. Raises CacheError.
        """
        folder = _folder(folder)
        path = folder / FILE
        with _door(path):
            folder.mkdir(parents=True, exist_ok=True)
            try:
                return cls(folder, _connect(path))
            except sqlite3.DatabaseError as error:
                if not _is_damage(error) or not _is_ours(path):
                    raise
                _set_aside(path)
                return cls(folder, _connect(path))

    def each(self, part: str, keys: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        def read(chunk: Sequence[str]) -> list[tuple[str, bytes]]:
            number = self._number(part)
            if number is None:
                return []
            marks = ",".join("?" * len(chunk))
            query = f"SELECT key, CAST(value AS BLOB) FROM kept WHERE part = ? AND key IN ({marks})"
            names = {_bytes(key): key for key in chunk}
            found = []
            for key, sealed in self._connection.execute(query, (number, *names)):
                if (value := _unsealed(part, key, sealed)) is not None:  # else the key may be another one, too
                    found.append((names[key], value))
            return found

        for first in range(0, len(keys), CHUNK):
            yield from self._guard(partial(read, keys[first : first + CHUNK]))

    def put(self, parts: Parts) -> None:
        if not any(parts.values()):
            return

        def write() -> None:
            with self._transaction() as connection:
                for part, values in parts.items():
                    number = self._number(part, add=True)
                    keyed = ((_bytes(key), value) for key, value in values.items())
                    rows = ((number, key, _seal(part, key, value) + value) for key, value in keyed)
                    connection.executemany("INSERT OR REPLACE INTO kept VALUES (?, ?, ?)", rows)

        self._guard(write)

    def has(self, part: str) -> bool:
        return self._guard(lambda: self._number(part)) is not None

    def put_later(self, part: str, key: str, value: bytes) -> None:
        with self._lock:
            self._pending.setdefault(part, {})[key] = value
            if len(self._pending[part]) >= PENDING:
                self._flush()

    def close(self) -> None:
        with self._lock:
            try:
                self._flush()
            finally:
                self._connection.close()

    def _flush(self) -> None:
        pending, self._pending = self._pending, {}
        if pending:
            self.put(pending)

    def _number(self, part: str, *, add: bool = False) -> int | None:
        """The number that stands for a part in the table; None for a part that nothing was put in."""
        if part not in self._parts:
            if add:
                self._connection.execute("INSERT OR IGNORE INTO parts (name) VALUES (?)", (part,))
            row = self._connection.execute("SELECT number FROM parts WHERE name = ?", (part,)).fetchone()
            if row is None:
                return None
            self._parts[part] = int(row[0])
        return self._parts[part]

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield self._connection
            self._connection.execute("COMMIT")
        except BaseException:
            self._parts.clear()  # a number that was given in what is undone
            with suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")
            raise

    def _guard(self, action: Callable[[], Result]) -> Result:
        with self._lock, _door(self.path):
            try:
                return action()
            except sqlite3.DatabaseError as error:
                if not _is_damage(error):
                    raise
                self._connection.close()
                _set_aside(self.path)
                raise CacheError(self.path, "was damaged; it is set aside and the next run begins a new one") from error


class ForgivingStore(Store):
    """A store that a scan may lose: after the first CacheError, told in `problems`, it remembers nothing more."""

    def __init__(self, folder: Path | None = None) -> None:
        self.failure: CacheError | None = None
        self._inner: Store = Store()
        self._inner = self._try(lambda: SqliteStore.open(folder), Store())

    @property
    def problems(self) -> tuple[str, ...]:
        return () if self.failure is None else (str(self.failure),)

    def each(self, part: str, keys: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        found: Iterator[tuple[str, bytes]] = self._try(lambda: self._inner.each(part, keys), iter(()))
        while (one := self._try(lambda: next(found, None), None)) is not None:
            yield one

    def put(self, parts: Parts) -> None:
        self._try(lambda: self._inner.put(parts), None)

    def has(self, part: str) -> bool:
        return self._try(lambda: self._inner.has(part), False)

    def put_later(self, part: str, key: str, value: bytes) -> None:
        self._try(lambda: self._inner.put_later(part, key, value), None)

    def close(self) -> None:
        self._try(lambda: self._inner.close(), None)

    def _try(self, action: Callable[[], Result], otherwise: Result) -> Result:
        try:
            return action()
        except CacheError as error:
            self.failure = self.failure or error
            self._inner = Store()
            return otherwise


@contextmanager
def open_store(settings: ScanSettings) -> Iterator[Store]:
    """The store that the settings ask for, closed at the end. What is wrong with the cache is in its `problems`; raises
    FeaturesError where there is to be a place for measured features and it fails."""
    store = ForgivingStore(settings.cache) if settings.use_cache else Store()
    with ExitStack() as open_until_then:
        address = settings.features
        if settings.engine != "local" and not address:  # workers need one
            own = _folder(settings.cache) if settings.use_cache else open_until_then.enter_context(TemporaryDirectory())
            address = str(Path(own, "features"))
        if address:
            store = Divided(ParquetStore(address), store, lambda part: part.startswith(MEASURED))
        open_until_then.callback(store.close)
        yield store


def _folder(folder: Path | None) -> Path:
    """The folder of the cache; None: the user's for curate."""
    if folder is None:
        import platformdirs

        folder = Path(platformdirs.user_cache_dir("curate", appauthor=False))
    return folder


def _bytes(key: str) -> bytes:
    """Keys are kept as bytes: the name of a file need not be Unicode."""
    return key.encode("utf-8", "surrogateescape")


def _seal(part: str, key: bytes, value: bytes) -> bytes:
    """The checksum of a value in its place."""
    return hashlib.blake2b(b"%b\0%b\0%b" % (part.encode(), key, value), digest_size=SEAL).digest()


def _unsealed(part: str, key: object, sealed: object) -> bytes | None:
    """The value of a row; None where any of it was changed."""
    if not isinstance(key, bytes) or not isinstance(sealed, bytes):
        return None
    value = sealed[SEAL:]
    return value if sealed[:SEAL] == _seal(part, key, value) else None


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=PATIENCE, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode = WAL").fetchone()
        connection.execute("PRAGMA synchronous = NORMAL")  # a crash of the machine may lose the last batches, no more
        if connection.execute("PRAGMA application_id").fetchone()[0] != OURS:
            connection.executescript(f"""
                BEGIN IMMEDIATE;
                CREATE TABLE IF NOT EXISTS parts (number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
                CREATE TABLE IF NOT EXISTS kept (part INTEGER, key BLOB, value BLOB NOT NULL, PRIMARY KEY (part, key));
                PRAGMA application_id = {OURS};
                COMMIT;
            """)
        connection.execute("SELECT 1 FROM kept JOIN parts LIMIT 1").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection


def _is_damage(error: sqlite3.Error) -> bool:
    return any(word in str(error) for word in _DAMAGED)


def _is_ours(path: Path) -> bool:
    """Whether the file's header is SQLite's and bears our mark, so that it may be moved."""
    with path.open("rb") as file:
        head = file.read(72)
    return head.startswith(b"SQLite format 3\0") and head[68:72] == OURS.to_bytes(4, "big")


def _set_aside(path: Path) -> None:
    for tail in ("-wal", "-shm"):
        Path(f"{path}{tail}").unlink(missing_ok=True)
    path.replace(path.with_suffix(".damaged"))


@contextmanager
def _door(path: Path) -> Iterator[None]:
    """Turns what SQLite and the file system raise into CacheError."""
    try:
        yield
    except sqlite3.Error as error:
        problem = str(error)
        if _is_damage(error):
            problem = "not a cache of curate, or damaged; delete it"
        elif "locked" in problem:
            problem = f"another program has kept it locked for {PATIENCE:.0f} s"
        raise CacheError(path, problem) from error
    except OSError as error:
        raise CacheError(path, error.strerror or str(error)) from error
