"""Whether a place can take an export, found out before a byte is written."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from curate.errors import DestinationError
from curate.output import names
from curate.output.records import Action, PlaceMask, WriteText

WINDOWS_LIMIT = 259  # characters of a whole path: MAX_PATH is 260 with its closing zero
BLOCK = 4096  # bytes: what the smallest file takes on most file systems
SPARE = 16 << 20  # bytes left free: a file system's own bookkeeping
# Bytes a pixel that is written anew, as photographs usually need; a full disk later on is caught all the same.
_PER_PIXEL = {"png": 2.0, "webp": 1.5, "jpg": 0.6}


def resolve(destination: Path) -> Path:
    """The whole path, links followed, so that the sibling it is built in lies on the same file system."""
    try:
        whole = Path(destination).expanduser().resolve()
        str(whole).encode("utf-8")
    except (OSError, RuntimeError, ValueError) as error:
        raise DestinationError(
            str(destination).encode("ascii", "replace").decode(), str(error), "Choose another place"
        ) from None
    return whole


def check(
    destination: Path, folder: Path, actions: Sequence[Action], link: bool, *, windows: bool | None = None
) -> None:
    """Raises DestinationError where `destination`, resolved, cannot take the export of `folder`.

    `windows`: whether its rules for names hold; None for those of this machine.
    """
    _refuse_overlap(destination, folder)
    _refuse_occupied(destination)
    windows = os.name == "nt" if windows is None else windows
    if windows:
        _refuse_windows(destination, actions)
    above = nearest_folder(destination)
    if not os.access(above, os.W_OK | os.X_OK):
        raise DestinationError(destination, f"{above} cannot be written to", "Choose another place")
    needed = space(actions, link=link)
    free = shutil.disk_usage(above).free
    if needed + SPARE > free:
        raise DestinationError(
            destination,
            f"about {_size(needed)} are needed and {_size(free)} are free",
            "Make room, choose another disk, or give --link hard",
        )


def space(actions: Iterable[Action], *, link: bool = False) -> int:
    """Bytes that the export will take, about."""
    total = 0.0
    for action in actions:
        if isinstance(action, WriteText):
            size = float(len(action.text))
        elif isinstance(action, PlaceMask):
            size = action.size[0] * action.size[1] * 0.1  # grey shapes; a PNG holds them in a fraction of a byte
        elif action.encoding:
            size = action.pixels * _PER_PIXEL[action.encoding]
        else:
            size = 0.0 if link else float(action.size_bytes)
        total += (size // BLOCK + 1) * BLOCK
    return int(total)


def nearest_folder(path: Path) -> Path:
    """The nearest folder at or above `path` that exists. Raises DestinationError where a file stands in the way."""
    for above in (path, *path.parents):
        if above.is_dir():
            return above
        if above.exists():
            raise DestinationError(path, f"{above} is a file", "Choose another place")
    raise DestinationError(path, "no part of this path exists", "Check the drive or the path")


def refuse_collisions(actions: Iterable[Action]) -> None:
    """Raises ValueError where two actions would write one file: a fault in a layout."""
    taken: dict[str, str] = {}
    for action in actions:
        other = taken.setdefault(names.key(action.to), action.to)
        if other is not action.to:
            raise ValueError(f"{other!r} and {action.to!r} would be written to one place")


def _refuse_overlap(destination: Path, folder: Path) -> None:
    """By identity, not spelling: links and file systems that ignore case make two spellings one folder."""
    for above in (destination, *destination.parents):
        if _same(above, folder):
            where = (
                "is the scanned folder itself" if above == destination else f"lies inside the scanned folder {folder}"
            )
            raise DestinationError(destination, f"it {where}, which is never written to", "Choose a place outside it")
    for above in folder.resolve().parents:
        if _same(above, destination):
            raise DestinationError(destination, f"it holds the scanned folder {folder}", "Choose a new folder")


def _same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:  # one of them does not exist
        return False


def _refuse_occupied(destination: Path) -> None:
    if destination.is_dir():
        try:
            first = next(iter(sorted(destination.iterdir())), None)
        except OSError as error:
            raise DestinationError(destination, f"cannot be read: {error.strerror}", "Choose another place") from None
        if first is not None:
            raise DestinationError(
                destination, f"not empty, it holds {first.name!r}", "Choose a new or an empty folder"
            )
    elif destination.exists() or destination.is_symlink():
        raise DestinationError(destination, "a file, not a folder", "Choose a new or an empty folder")


def _refuse_windows(destination: Path, actions: Iterable[Action]) -> None:
    for part in destination.parts[1:]:
        if _illegal(part):
            raise DestinationError(destination, f"Windows refuses the name {part!r}", "Choose another name")
    for path in _longest(action.to for action in actions):
        whole = len(str(destination)) + 1 + len(path)
        if whole > WINDOWS_LIMIT:
            raise DestinationError(
                destination,
                f"{path} would have a path of {whole} characters, and Windows takes {WINDOWS_LIMIT}",
                "Choose a shorter place, such as C:\\sets\\nora",
            )


def _illegal(name: str) -> bool:
    """Whether Windows refuses a name, apart from what only trainers would mind."""
    return (
        name != name.rstrip(". ")
        or names.is_device(name)
        or any(letter in '<>:"|?*' or letter < " " for letter in name)
    )


def _longest(paths: Iterable[str]) -> Iterator[str]:
    longest = max(paths, key=len, default=None)
    if longest is not None:
        yield longest


def _size(count: int) -> str:
    """Bytes in the unit that people read."""
    return f"{count / 1e9:.1f} GB" if count >= 1e8 else f"{count / 1e6:.1f} MB"
