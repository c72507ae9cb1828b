"""A Parquet table that names pictures: the column `path` and, where there is one, `caption`.

Only what it names is read. Relative paths count from the table's own folder; whole paths and addresses, which must
share a folder or a bucket, are told from what they share.
"""

from __future__ import annotations

import hashlib
import posixpath
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from curate import addresses
from curate.errors import FolderError
from curate.pictures.captions import Caption, clean
from curate.pictures.sources.base import Files, Held, State, joined, why_unfit
from curate.pictures.walk import Listing, why_ignored
from curate.records import LeftOut

if TYPE_CHECKING:
    from collections.abc import Callable

PATH, CAPTION = "path", "caption"


@dataclass(frozen=True, slots=True)
class _Read:
    """What a table holds."""

    rows: Any  # pyarrow's table: the columns of text that are there
    digest: str  # SHA-256 of the file, hex


class Table:
    """The files that the table `name` at `files` names. `at` gives the files of another place."""

    def __init__(self, files: Files, name: str, at: Callable[[str], Files]) -> None:
        self.files, self.name, self._at = files, name, at
        self._base: Files | None = None

    def __getstate__(self) -> tuple[Files, str, Callable[[str], Files]]:
        return self.files, self.name, self._at

    def __setstate__(self, state: tuple[Files, str, Callable[[str], Files]]) -> None:
        self.__init__(*state)  # type: ignore[misc]

    @property
    def place(self) -> str:
        return joined(self.files.place, self.name)

    @property
    def threads(self) -> int:
        return self.base.threads

    @property
    def base(self) -> Files:
        """Where the pictures lie that the table names."""
        if self._base is None:
            start = self._start(self._read().rows[PATH])
            self._base = self._at(start) if start else self.files
        return self._base

    def held(self) -> Held:
        read = self._read()
        start = self._start(read.rows[PATH])
        self._base = self._at(start) if start else self.files
        listing, captions = Listing(folders={""}), {}
        texts = read.rows[CAPTION].to_pylist() if CAPTION in read.rows.column_names else None
        seen: set[str] = set()
        for row, named in enumerate(read.rows[PATH].to_pylist()):
            path = self._below(start, named or "")
            if path in seen:
                continue
            seen.add(path)
            if not path or why_unfit(path):
                reason = "the table names no path there" if not named else "its path leads out of the table's folder"
                listing.broken.append(LeftOut(path=named or f"row {row + 1}", reason=reason))
                continue
            if reason := why_ignored(path):
                listing.ignored.append(LeftOut(path=path, reason=reason))
                continue
            listing.files.append(path)
            folders = path.split("/")[:-1]
            listing.folders.update("/".join(folders[:depth]) for depth in range(1, len(folders) + 1))
            if texts is not None and texts[row] is not None:
                text = clean(texts[row])
                captions[path] = Caption(text, self.name, None if text else "empty", read.digest)
        listing.files.sort()
        return Held(listing=listing, captions=captions)

    def state(self, path: str) -> State:
        return self.base.state(path)

    def read(self, path: str, start: int = 0, size: int | None = None) -> bytes:
        return self.base.read(path, start, size)

    def open(self, path: str) -> BinaryIO:
        return self.base.open(path)

    def whole_path(self, path: str) -> Path | None:
        return self.base.whole_path(path)

    def why_unreadable(self, path: str, error: OSError) -> str:
        return self.base.why_unreadable(path, error)

    def _read(self) -> _Read:
        try:
            import pyarrow as pa
            import pyarrow.parquet as pq
        except ImportError:
            raise FolderError(self.place, "reading it needs pyarrow", "Install it: pip install pyarrow") from None
        try:
            self.files.state(self.name)
            data = self.files.read(self.name)
        except FileNotFoundError:
            raise FolderError(self.place, "no such table", "Check the path") from None
        except OSError as error:
            reason = self.files.why_unreadable(self.name, error)
            raise FolderError(self.place, reason, "Check the path and its permissions") from error
        try:
            file = pq.ParquetFile(pa.BufferReader(data))
            names = file.schema_arrow.names
            wanted = [name for name in (PATH, CAPTION) if name in names]
            if PATH not in wanted:
                told = ", ".join(names[:8]) or "none"
                raise FolderError(self.place, f"no column {PATH!r} in it ({told})", "Name the column of paths so")
            columns = {name: column.cast(pa.string()) for name, column in _columns(file.read(wanted))}
        except (pa.ArrowException, OSError) as error:
            problem = str(error).splitlines()[0][:120]
            raise FolderError(self.place, f"no Parquet table of texts: {problem}", "Write it anew") from None
        return _Read(pa.table(columns), hashlib.sha256(data).hexdigest())

    def _start(self, paths: Any) -> str:
        """The folder or address that whole paths share; "" where they are relative to the table's own folder."""
        import pyarrow.compute as pc

        ends = pc.min_max(paths)  # what the first and the last in order share, all share
        first, last = (_slashed(ends[end].as_py() or "") for end in ("min", "max"))
        whole = [_is_whole(first), _is_whole(last)]
        if not any(whole):
            return ""
        shared = posixpath.commonprefix((first, last)).rpartition("/")[0]
        if not all(whole) or ("://" in first and shared.count("/") < 2) or not shared:
            problem = "its paths share no folder or bucket"
            raise FolderError(
                self.place, problem, "Name paths relative to the table's folder, or pictures of one place"
            )
        return shared

    def _below(self, start: str, named: str) -> str:
        """The path below the start, in its shortest spelling; it begins with .. where it leads out."""
        named = _slashed(named)
        if start and not named.startswith(f"{start}/"):
            return ".." if named else ""
        path = named[len(start) + 1 :] if start else named
        if not path:
            return ""
        return ".." if path.startswith("/") else posixpath.normpath(path)


def _columns(table: Any) -> list[tuple[str, Any]]:
    return [(name, table[name]) for name in table.column_names]


def _slashed(path: str) -> str:
    """With forward slashes: tables are written on Windows too."""
    return path if addresses.is_address(path) else path.replace("\\", "/")


def _is_whole(path: str) -> bool:
    return addresses.is_address(path) or path.startswith("/") or path[1:3] in (":/", ":\\")
