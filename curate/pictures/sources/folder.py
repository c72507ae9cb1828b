"""A folder of this machine."""

from __future__ import annotations

import errno
import os
import stat as modes
import time
from pathlib import Path
from typing import BinaryIO

from curate.errors import FolderError
from curate.pictures.sources.base import Held, State
from curate.pictures.walk import walk

_SETTLED = 20_000_000  # ns: two changes within one tick of the clock that stamps files (up to 10 ms) look like one
_SETTLED_COARSE = 2_000_000_000  # ns: the same where stamps are whole seconds (FAT: 2 s)


class FolderFiles:
    """The files below a folder, links followed as far as `walk` does."""

    threads = 4  # at once, where many small files are read and waiting is most of it

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)
        self._root = str(self.folder)

    @property
    def place(self) -> str:
        return str(self.folder)

    def held(self) -> Held:
        root = str(self.folder)
        try:
            return Held(listing=walk(root))
        except FileNotFoundError:
            raise FolderError(root, "no such folder", "Check the path") from None
        except NotADirectoryError:
            raise FolderError(root, "a file, not a folder", "Give the folder that it lies in") from None
        except (OSError, ValueError) as error:  # ValueError: a NUL in the path
            problem = getattr(error, "strerror", None) or str(error)
            raise FolderError(root, f"cannot be read: {problem}", "Check the path and its permissions") from None

    def state(self, path: str) -> State:
        found = self.stat(path)
        if not modes.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, "neither file nor folder (a pipe, socket or device)")
        times = f"{found.st_mtime_ns} {found.st_ctime_ns} {found.st_ino}"
        return State(found.st_size, times if is_settled(found) else "")

    def read(self, path: str, start: int = 0, size: int | None = None) -> bytes:
        whole = self.whole_path(path)
        if not start and size is None:
            return whole.read_bytes()
        with whole.open("rb", buffering=0) as file:
            file.seek(start)
            parts = []
            while size is None or size > 0:
                part = file.read(-1 if size is None else size)
                if not part:
                    break
                parts.append(part)
                size = None if size is None else size - len(part)
        return b"".join(parts)

    def open(self, path: str) -> BinaryIO:
        return open(self.named(path), "rb", buffering=0)  # noqa: PTH123

    def stat(self, path: str) -> os.stat_result:
        """Size and times of a file, links followed."""
        return os.stat(self.named(path))  # noqa: PTH116

    def whole_path(self, path: str) -> Path:
        return self.folder / path

    def named(self, path: str) -> str:
        """The whole path of a file as text: to make a Path takes longer than to ask the system about the file."""
        return os.path.join(self._root, path.replace("/", os.sep))  # noqa: PTH118

    def why_unreadable(self, path: str, error: OSError) -> str:
        link = self.whole_path(path).is_symlink()
        if error.errno == errno.ENOENT:
            return "link to a missing file" if link else "vanished while reading"
        if error.errno == errno.ELOOP:
            return "link that leads to itself"
        return f"cannot be read: {error.strerror or error}"


def is_settled(stat: os.stat_result) -> bool:
    """Whether a further change of the file would show in its time stamp."""
    age = time.time_ns() - stat.st_mtime_ns
    return age > (_SETTLED if stat.st_mtime_ns % 1_000_000_000 else _SETTLED_COARSE)
