"""Whether a place can take an export, found out before a byte is written."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from curate import addresses
from curate.errors import DestinationError
from curate.output import names
from curate.output.recorded import FILE
from curate.output.records import Action, PlaceMask, WriteText

WINDOWS_LIMIT = 259  # characters of a whole path: MAX_PATH is 260 with its closing zero
BLOCK = 4096  # bytes: what the smallest file takes on most file systems
SPARE = 16 << 20  # bytes left free: a file system's own bookkeeping
# Bytes a pixel that is written anew, as photographs usually need; a full disk later on is caught all the same.
_PER_PIXEL = {"png": 2.0, "webp": 1.5, "jpg": 0.6}
_NAME = 40  # characters of the destination's name in that of its temporary folder: 255 bytes, up to 4 a character
_CHOOSE = "Choose a new or an empty folder"


def resolve(destination: Path) -> Path:
    """The whole path, links followed, so that the sibling it is built in lies on the same file system."""
    try:
        whole = Path(destination).expanduser().resolve()
        str(whole).encode("utf-8")
    except (OSError, RuntimeError, ValueError) as error:
        raise DestinationError(
            str(destination).encode("ascii", "replace").decode(), str(error), "Choose another place"
        ) from None
    _refuse_long(whole)  # first: asking whether such a path exists is an error of its own
    return whole


def check_place(destination: Path, folder: str | Path, *, update: bool = False) -> None:
    """Raises DestinationError where no export of `folder` can go, before anything is known of its size."""
    whole = resolve(destination)
    check(whole, folder, (), True, update=update and (whole / FILE).is_file())


def check(
    destination: Path,
    folder: str | Path,
    actions: Sequence[Action],
    link: bool,
    *,
    update: bool = False,
    windows: bool | None = None,
) -> None:
    """Raises DestinationError where `destination`, resolved, cannot take the export of `folder`.

    `update`: a set of curate's may lie there. `windows`: whether its rules for names hold; None for those of this
    machine.
    """
    refuse_overlap(destination, folder)
    if os.path.ismount(destination):
        raise DestinationError(
            destination, "a disk or volume of its own, which cannot be renamed", "Name a new folder in it"
        )
    if not update:
        _refuse_occupied(destination)
    if os.name == "nt" if windows is None else windows:
        _refuse_windows(destination, actions)
    above = nearest_folder(destination.parent)
    if not os.access(above, os.W_OK | os.X_OK):
        raise DestinationError(destination, f"{above} cannot be written to", "Choose another place")
    needed = space(actions, link=link)
    usage = shutil.disk_usage(above)
    if not usage.total:  # the system's own view of itself: /proc, /sys
        raise DestinationError(
            destination, f"{above} is a view of the system and keeps no files", "Choose another place"
        )
    free = usage.free
    if needed + SPARE > free:
        raise DestinationError(
            destination,
            f"about {_size(needed)} (and {_size(SPARE)} to spare) are needed and {_size(free)} are free",
            "Make room, or choose another disk" if link else "Make room, choose another disk, or give --link hard",
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
            size = 0.0 if link and action.as_it_is else float(action.size_bytes)
        total += (size // BLOCK + 1) * BLOCK
    return int(total)


def temporary_start(destination: Path) -> str:
    """How the name of the temporary folder begins in which the set is built, beside its destination."""
    return f".curate-{destination.name[:_NAME]}-"


def is_occupied(destination: Path) -> bool:
    """Whether something lies there, so that only an update can be written. Raises DestinationError."""
    if not destination.is_dir():
        return False
    try:
        return any(destination.iterdir())
    except OSError as error:
        raise DestinationError(destination, f"cannot be read: {error.strerror}", "Choose another place") from None


def nearest_folder(path: Path) -> Path:
    """The nearest folder at or above `path` that exists. Raises DestinationError where a file stands in the way."""
    for above in (path, *path.parents):
        if os.path.isdir(above):  # noqa: PTH112  (Path.is_dir fails at a name that is too long)
            return above
        if os.path.exists(above):  # noqa: PTH110
            raise DestinationError(path, f"{above} is a file", "Choose another place")
    raise DestinationError(path, "no part of this path exists", "Check the drive or the path")


def refuse_collisions(actions: Iterable[Action]) -> None:
    """Raises ValueError where two actions would write one file: a fault in a layout."""
    taken: dict[str, str] = {}
    for action in actions:
        other = taken.setdefault(names.key(action.to), action.to)
        if other is not action.to:
            raise ValueError(f"{other!r} and {action.to!r} would be written to one place")


def refuse_overlap(destination: Path, place: str | Path) -> None:
    """By identity, not spelling: links and file systems that ignore case make two spellings one folder."""
    folder = addresses.local(place)
    if folder is None:  # in another store
        return
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
            ours = (destination / FILE).is_file()
            advice = "Give --update to bring it up to date, or choose a new folder" if ours else _CHOOSE
            raise DestinationError(destination, f"not empty, it holds {first.name!r}", advice)
    elif destination.exists() or destination.is_symlink():
        raise DestinationError(destination, "a file, not a folder", _CHOOSE)


def _refuse_windows(destination: Path, actions: Iterable[Action]) -> None:
    for part in destination.parts[1:]:
        if _illegal(part):
            raise DestinationError(destination, f"Windows refuses the name {part!r}", "Choose another name")
    for path in _longest(action.to for action in actions):
        temporary = len(temporary_start(destination)) + len("xxxxxxxx.partial/set")
        whole = len(str(destination.parent)) + 1 + max(temporary, len(destination.name)) + 1 + len(path)
        if whole > WINDOWS_LIMIT:
            raise DestinationError(
                destination,
                f"{path} would have a path of {whole} characters, and Windows takes {WINDOWS_LIMIT}",
                "Choose a shorter place, such as C:\\sets\\nora",
            )


def _refuse_long(destination: Path) -> None:
    """A name in the path that is longer than the file system takes."""
    if not hasattr(os, "pathconf"):
        return
    above = nearest_folder(destination.parent)
    try:
        longest = os.pathconf(above, "PC_NAME_MAX")
    except (OSError, ValueError):  # it does not tell
        return
    for part in destination.relative_to(above).parts:
        if 0 < longest < len(os.fsencode(part)):
            raise DestinationError(
                destination, f"{part[:20]}... is longer than the {longest} bytes that a name may have", "Shorten it"
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
