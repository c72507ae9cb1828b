"""The temporary folder beside a destination, in which a set is built: `.curate-NAME-xxxxxxxx.partial`.

It holds a marker that proves whose it is and that is locked while an export runs, the new set in `set`, and during an
update the old one in `old`. A kill at any moment leaves at most this one folder.
"""

from __future__ import annotations

import json
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from curate.errors import CurateError, DestinationError
from curate.output import destination as places
from curate.output import lock, swap, tree
from curate.output.recorded import FILE, read

MARKER = "curate-partial.json"
_PARTIAL = re.compile(r"\.curate-.*-[0-9a-f]{8}\.partial", re.DOTALL)
_SETS = ("set", "old")


@dataclass(frozen=True, slots=True)
class Partial:
    """A set in the making."""

    folder: Path

    @property
    def set(self) -> Path:
        """The new set."""
        return self.folder / "set"

    @property
    def old(self) -> Path:
        """The old one, once the new one took its place."""
        return self.folder / "old"


@contextmanager
def build(destination: Path) -> Iterator[Partial]:
    """A new folder to build a set in. What is left of it afterwards is removed, also when anything went wrong."""
    made: list[Path] = []
    found = Partial(destination.parent / f"{places.temporary_start(destination)}{secrets.token_hex(4)}.partial")
    try:
        _make_parents(destination, made)
        found.folder.mkdir()
        with lock.held(found.folder / MARKER, _marker(destination)):
            found.set.mkdir()
            yield found
    except BaseException:
        _give_up(found, destination, made)
        raise
    _clear(found, destination)


def leftovers(destination: Path) -> tuple[Path, ...]:
    """Temporary folders that killed exports to this place left, proven ours; none that a running export holds."""
    whole = places.resolve(destination)
    start = places.temporary_start(whole)
    try:
        found = [path for path in whole.parent.iterdir() if path.name.startswith(start)]
    except OSError:  # no such folder, so nothing is left in it
        return ()
    return tuple(sorted(path for path in found if _is_ours(path, whole.name) and not lock.is_held(path / MARKER)))


def remove_leftover(path: Path) -> None:
    """Removes a temporary folder that `leftovers` named. Raises DestinationError for any other path, for one that an
    export holds, and where it keeps a file that nobody has elsewhere."""
    name = _destination_name(path)
    if name is None:
        raise DestinationError(path, "no partial export of curate", "Remove it yourself if you mean it")
    if lock.is_held(path / MARKER):
        raise DestinationError(path, "an export is writing it", "Wait for its end")
    destination = path.parent / (name or path.name)
    if (path / "old").exists() and not destination.exists():
        raise DestinationError(path, "it holds the only set", f"Export to {destination} with --update, which mends it")
    lone = alone(Partial(path), destination)
    if lone:
        raise DestinationError(path, f"it holds {lone[0]!r}, which is nowhere else", "Move that file out of it first")
    try:
        _remove(path)
    except OSError as error:
        raise DestinationError(path, f"cannot be removed: {error.strerror}", "Remove it yourself") from None


def mend(destination: Path) -> str:
    """Puts back the old set where an update was killed between its two renames; what was done, or ""."""
    for path in leftovers(destination):
        old = Partial(path).old
        if old.is_dir() and not destination.exists():
            old.rename(destination)
            swap.flush(destination.parent)
            return f"An update of {destination} was interrupted: the set was put back as it was before."
    return ""


def alone(found: Partial, destination: Path) -> list[str]:
    """Files of a user, in an old set that was replaced, that the destination has not."""
    lone = []
    for name in _SETS:
        folder = found.folder / name
        with suppress(CurateError):  # without a manifest it is a new set that was never finished
            owned = {FILE, *read(folder).files}
            lone += [
                f"{name}/{one.path}"
                for one in tree.walk(folder)
                if not one.is_folder and one.path not in owned and not _same(folder / one.path, destination / one.path)
            ]
    return lone


def _same(one: Path, other: Path) -> bool:
    try:
        if one.is_symlink() or other.is_symlink():
            return one.is_symlink() and other.is_symlink() and one.readlink() == other.readlink()
        return one.samefile(other) or tree.digest_of(one) == tree.digest_of(other)
    except OSError:
        return False


def _give_up(found: Partial, destination: Path, made: list[Path]) -> None:
    with suppress(OSError):
        _clear(found, destination)
    for folder in reversed(made):
        with suppress(OSError):
            folder.rmdir()


def _clear(found: Partial, destination: Path) -> None:
    """Removes what is not needed any more; a folder that still holds a user's only file stays, and is a leftover."""
    if found.folder.exists() and not ((found.old.exists() and not destination.exists()) or alone(found, destination)):
        _remove(found.folder)


def _remove(folder: Path) -> None:
    """The marker goes last, so that a kill on the way leaves a folder that is still proven ours."""
    for name in _SETS:
        if (folder / name).exists():
            shutil.rmtree(folder / name)
    (folder / MARKER).unlink(missing_ok=True)
    folder.rmdir()


def _marker(destination: Path) -> str:
    return json.dumps({"written_by": "curate", "export_to": destination.name}) + "\n"


def _destination_name(path: Path) -> str | None:
    """The name of the place that this temporary folder was made for, "" for an empty one; None: not proven ours."""
    if not _PARTIAL.fullmatch(path.name) or path.is_symlink() or not path.is_dir():
        return None
    if {one.name for one in path.iterdir()} - {MARKER, *_SETS}:
        return None
    try:
        text = (path / MARKER).read_bytes()
    except OSError:
        text = b""
    if not text:  # killed before the marker was written, or after it went: then nothing else is there
        return "" if all(one.name == MARKER for one in path.iterdir()) else None
    try:
        told = json.loads(text)
        ours = told["written_by"] == "curate" and isinstance(told["export_to"], str)
        return Path(told["export_to"]).name if ours else None
    except (ValueError, TypeError, KeyError):
        return None


def _is_ours(path: Path, name: str) -> bool:
    try:
        return _destination_name(path) in ("", name)
    except OSError:
        return False


def _make_parents(destination: Path, made: list[Path]) -> None:
    missing = [folder for folder in destination.parents if not folder.exists()]
    for folder in reversed(missing):
        folder.mkdir()
        made.append(folder)
