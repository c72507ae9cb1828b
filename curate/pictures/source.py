"""The only opener of picture files: a folder now; an fsspec address could stand here with the same methods."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import BinaryIO


class Source:
    """Reads the files below one folder, by their path relative to it. Nothing is ever written.

    `outside`: (start of a path, folder) of folders elsewhere whose files count as lying below that start.
    """

    def __init__(self, folder: str | os.PathLike[str], outside: Sequence[tuple[str, str]] = ()) -> None:
        self.folder, self.outside = Path(folder), tuple(outside)

    def read(self, path: str) -> bytes:
        """The whole content. Raises OSError (FileNotFoundError, PermissionError, ...): see `why_unreadable`."""
        return self.whole_path(path).read_bytes()

    def open(self, path: str) -> BinaryIO:
        """The content as an unbuffered stream, for what is too large to hold or need not be read to its end."""
        return self.whole_path(path).open("rb", buffering=0)

    def stat(self, path: str) -> os.stat_result:
        """Size and times of the file, links followed."""
        return self.whole_path(path).stat()

    def whole_path(self, path: str) -> Path:
        """The file's own path. Raises ValueError for a path that leads out of the folder by its spelling."""
        whole = Path(path)
        if whole.is_absolute() or whole.drive or ".." in whole.parts:
            raise ValueError(f"not a path below the folder: {path!r}")
        for start, elsewhere in self.outside:
            if path.startswith(f"{start}/"):
                return Path(elsewhere) / path[len(start) + 1 :]
        return self.folder / whole

    def why_unreadable(self, path: str, error: OSError) -> str:
        """One line that tells a user why reading `path` failed."""
        link = self.whole_path(path).is_symlink()
        if error.errno == errno.ENOENT:
            return "link to a missing file" if link else "vanished while reading"
        if error.errno == errno.ELOOP:
            return "link that leads to itself"
        return f"cannot be read: {error.strerror or error}"


class JoinedSource(Source):
    """Several folders as one: the first part of a path names the folder."""

    def __init__(self, folders: Mapping[str, str | os.PathLike[str]]) -> None:
        self._sources = {name: Source(folder) for name, folder in folders.items()}

    def whole_path(self, path: str) -> Path:
        """The file's own path. Raises KeyError for a folder that there is none of, ValueError likewise."""
        name, _, rest = path.partition("/")
        return self._sources[name].whole_path(rest)
