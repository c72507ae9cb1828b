"""The only opener of picture files, wherever they lie: what a place can do is in sources/, one file a kind of place."""

from __future__ import annotations

import hashlib
import os
import stat as modes
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, BinaryIO

from curate.pictures.sources import Archives, Files, FolderFiles, archive_of, files_at

CHUNK = 1 << 20  # bytes hashed at once
_OUT = ("", "/", "\\")  # how a path may begin that leads out of the folder
EXPECTED = 64  # pictures that are read ahead at most, in each process: some 200 MB of photographs from a camera


class Source:
    """Reads the files of one place, by their path below it. Nothing is ever written. Safe to use from several threads.

    `folder`: a folder, an archive, a table or an address. `outside`: (start of a path, folder or address) of places
    elsewhere whose files count as lying below that start. It can be handed to other processes, which make their own
    connections.
    """

    def __init__(self, folder: str | os.PathLike[str], outside: Sequence[tuple[str, str]] = ()) -> None:
        place = folder if isinstance(folder, str) else Path(folder)
        self._files = files_at(place)
        self.folder = self._files.place
        self.outside = tuple(outside)
        self._elsewhere = [(start, files_at(place)) for start, place in self.outside]
        self._ready()

    def _ready(self) -> None:
        self._lock = threading.Lock()
        self._archives: dict[int, Archives] = {}
        self._coming: dict[str, Future[bytes]] = {}
        self._readers: ThreadPoolExecutor | None = None

    def __getstate__(self) -> dict[str, Any]:
        kept = ("_files", "folder", "outside", "_elsewhere")
        return {name: value for name, value in self.__dict__.items() if name in kept}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._ready()

    def read(self, path: str) -> bytes:
        """The whole content. Raises OSError (FileNotFoundError, PermissionError, ...): see `why_unreadable`."""
        if self._coming:
            with self._lock:
                coming = self._coming.pop(path, None)
            if coming is not None:
                return coming.result()
        files, name = self.at(path)
        return files.read(name)

    def open(self, path: str) -> BinaryIO:
        """The content as a stream, for what is too large to hold or need not be read to its end."""
        files, name = self.at(path)
        return files.open(name)

    def digest(self, path: str) -> str:
        """SHA-256 of the content, hex, read in pieces."""
        found = hashlib.sha256()
        with self.open(path) as stream:
            while chunk := stream.read(CHUNK):
                found.update(chunk)
        return found.hexdigest()

    def expect(self, paths: Iterable[str]) -> None:
        """Begins to read pictures that will be asked for soon, each once, where a place is slow to answer."""
        for path in paths:
            files, name = self.at(path)
            if files.threads <= FolderFiles.threads:
                continue
            with self._lock:
                if len(self._coming) >= EXPECTED or path in self._coming:
                    continue
                if self._readers is None:
                    self._readers = ThreadPoolExecutor(files.threads, thread_name_prefix="curate-ahead")
                self._coming[path] = self._readers.submit(files.read, name)

    def ahead(self, paths: Iterable[str]) -> Iterator[bytes | None]:
        """The content of each, in order, while those that follow are being read. None for one that cannot be read, and
        for one that whoever needs it reads as quickly by itself: of a file or an archive of this machine."""
        waiting: deque[str] = deque()
        for path in paths:
            self.expect([path])
            waiting.append(path)
            if len(waiting) >= EXPECTED:
                yield self._expected(waiting.popleft())
        while waiting:
            yield self._expected(waiting.popleft())

    def _expected(self, path: str) -> bytes | None:
        with self._lock:
            coming = self._coming.pop(path, None)
        try:
            return coming.result() if coming is not None else None
        except OSError:  # whoever needs it is told
            return None

    def stat(self, path: str) -> os.stat_result:
        """Size and times of the file, links followed; of one in a store its size alone."""
        files, name = self.at(path)
        if isinstance(files, FolderFiles):
            return files.stat(name)
        whole = files.whole_path(name)
        if whole is not None:
            return whole.stat()
        return os.stat_result((modes.S_IFREG | 0o444, 0, 0, 1, 0, 0, files.state(name).size or 0, 0, 0, 0))

    def whole_path(self, path: str) -> Path:
        """The file's own path on this machine: only for what `is_local`. Raises ValueError for a path that leads out of
        the folder by its spelling."""
        files, name = self.at(path)
        whole = files.whole_path(name)
        if whole is None:
            raise ValueError(f"no file of this machine: {path!r}")
        return whole

    def named(self, path: str) -> str:
        """The same as text, which is quicker where files are many."""
        files, name = self.at(path)
        return files.named(name) if isinstance(files, FolderFiles) else str(self.whole_path(path))

    def is_local(self, path: str) -> bool:
        """Whether it is a file of this machine by itself, not one in a store or an archive."""
        files, name = self.at(path)
        return files.whole_path(name) is not None

    def why_unreadable(self, path: str, error: OSError) -> str:
        """One line that tells a user why reading `path` failed."""
        files, name = self.at(path)
        return files.why_unreadable(name, error)

    def at(self, path: str) -> tuple[Files, str]:
        """The place that a file lies at, and its path there. Raises ValueError as `whole_path` does."""
        if path[:1] in _OUT or ".." in path or ":" in path:  # making a Path of each of many files takes long
            whole = Path(path)
            if whole.anchor or ".." in whole.parts:  # on Windows a path may begin at a root and not be absolute
                raise ValueError(f"not a path below the folder: {path!r}")
        files, name = self._files, path
        for start, elsewhere in self._elsewhere:
            if path.startswith(f"{start}/"):
                files, name = elsewhere, path[len(start) + 1 :]
        if ".tar/" in name.lower() and not isinstance(files, Archives):
            return self._shards(files, name), name
        return files, name

    def _shards(self, files: Files, name: str) -> Files:
        """The archives of a place, unless it is a folder that is called like one."""
        whole = files.whole_path(archive_of(name))
        if whole is not None and whole.is_dir():
            return files
        with self._lock:
            return self._archives.setdefault(id(files), Archives(files))


class JoinedSource(Source):
    """Several places as one: the first part of a path names the place."""

    def __init__(self, folders: Mapping[str, str | os.PathLike[str]]) -> None:
        self._sources = {name: Source(folder) for name, folder in folders.items()}
        self.folder = ", ".join(source.folder for source in self._sources.values())
        self.outside = ()
        self._ready()

    def __getstate__(self) -> dict[str, Any]:
        return {"_sources": self._sources, "folder": self.folder, "outside": ()}

    def at(self, path: str) -> tuple[Files, str]:
        """The same. Raises KeyError for a place that there is none of, ValueError likewise."""
        name, _, rest = path.partition("/")
        return self._sources[name].at(rest)
