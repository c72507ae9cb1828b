"""What every place that pictures lie at can do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Protocol

from curate.pictures.captions import Caption
from curate.pictures.walk import Listing

TIMED_OUT, FORBIDDEN = "the store did not answer in time", "permission denied"


@dataclass(frozen=True, slots=True)
class State:
    """How a file is now, as far as its place tells without reading it."""

    size: int | None = None  # bytes; None: not told
    token: str = ""  # another one once the content is another; "": the place has none that can be relied on


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """All that lies at a place."""

    listing: Listing
    states: Mapping[str, State] = field(default_factory=dict)  # by path, where listing tells them
    captions: Mapping[str, Caption] = field(default_factory=dict)  # by path of the picture, where the place holds them
    archived: bool = False  # these are members of archives


class Files(Protocol):
    """The files of one place, by their path below it. Nothing is ever written. Safe to use from several threads.

    What fails to be read raises OSError: FileNotFoundError and PermissionError for what they say.
    """

    @property
    def place(self) -> str:
        """The folder or address."""

    @property
    def threads(self) -> int:
        """How many files are worth reading at once."""

    def held(self) -> Held:
        """All files. Raises FolderError for a place that cannot be listed."""

    def state(self, path: str) -> State:
        """How a file is now; OSError for what is no file."""

    def read(self, path: str, start: int = 0, size: int | None = None) -> bytes:
        """`size` bytes from `start` on, fewer at the end; None: all to the end."""

    def open(self, path: str) -> BinaryIO:
        """The content as a stream that can be sought in."""

    def whole_path(self, path: str) -> Path | None:
        """The file's own path; None where it is none of this machine's."""

    def why_unreadable(self, path: str, error: OSError) -> str:
        """One line that tells a user why reading failed."""


def joined(place: str, path: str) -> str:
    """What lies at `path` below a folder or an address."""
    return f"{place}{path}" if place.endswith("://") else f"{place.rstrip('/')}/{path}"


def why_unfit(path: str) -> str:
    """Why a name that a store, an archive or a table gives is no path below a folder; "" for one that is."""
    parts = Path(path)
    unfit = parts.is_absolute() or parts.drive or ".." in parts.parts or path.startswith("/") or "\0" in path
    return "its name is no path below a folder" if unfit else ""


def why(error: OSError) -> str:
    """An error of a store in words, without what only its programmers read."""
    if isinstance(error, FileNotFoundError):
        return "vanished while reading"
    if isinstance(error, PermissionError):
        return f"cannot be read: {FORBIDDEN}"
    if isinstance(error, TimeoutError):
        return f"cannot be read: {TIMED_OUT}"
    told = (error.strerror or str(error) or type(error).__name__).strip().splitlines()
    return f"cannot be read: {told[0][:200]}"
