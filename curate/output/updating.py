"""An update of a set that was exported before: what of it is ours, what changes, and what stays as it is.

The new set is built whole beside the old one and takes its place at the end. Files that do not change, and those that a
user put there, become second names (hard links) of the very files, so that they keep their bytes and times; the old
set's names then go. Nothing is ever written into a file that exists.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from curate.errors import DestinationError
from curate.output import contents, names, tree
from curate.output.placing import Placing
from curate.output.recorded import FILE, Recorded, read
from curate.output.records import Action, Changes, PlacePicture, WriteText, WrittenFile

NAMED = 3  # files that a refusal names; more are counted


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """An old set and what becomes of it."""

    old: Recorded
    changes: Changes
    kept: Mapping[str, WrittenFile]  # written files that stay, by path
    folders: tuple[str, ...]  # that curate did not make

    def todo(self, actions: Sequence[Action]) -> tuple[Action, ...]:
        return tuple(action for action in actions if action.to not in self.kept)


def plan(whole: Path, actions: Sequence[Action], placing: Placing) -> Update:
    """What an update of the set at `whole` by these actions does.

    Raises ManifestError where the set is not ours, DestinationError where a file of it was changed by hand, or a user's
    file is where a new one has to go.
    """
    old = read(whole)
    try:
        entries = tuple(tree.walk(whole))
    except OSError as error:
        raise DestinationError(whole, f"cannot be read: {error.strerror}", "Check its permissions") from None
    _refuse_changed(old)
    mine = {tree.composed(path) for path in (*old.files, FILE)}
    foreign = [one.path for one in entries if not one.is_folder and tree.composed(one.path) not in mine]
    made = {tree.composed(above) for path in old.files for above in _above(path)}
    folders = [one.path for one in entries if one.is_folder and tree.composed(one.path) not in made]
    _refuse_blocked(whole, [one.to for one in actions if one.to not in old.files], foreign, folders)
    kept = {action.to: old.files[action.to] for action in actions if _stays(action, old, placing)}
    new = {action.to for action in actions}
    changes = Changes(
        added=tuple(sorted(new - set(old.files))),
        removed=tuple(sorted(set(old.files) - new)),
        changed=tuple(sorted(new & set(old.files) - set(kept))),
        unchanged=tuple(sorted(kept)),
        foreign=tuple(foreign),
    )
    return Update(old=old, changes=changes, kept=kept, folders=tuple(folders))


def carry(update: Update, to: Path) -> None:
    """Brings all that stays into the new set. Raises OSError."""
    whole = update.old.folder
    for folder in update.folders:
        (to / folder).mkdir(parents=True, exist_ok=True)
    for path in (*update.changes.foreign, *update.changes.unchanged):
        (to / path).parent.mkdir(parents=True, exist_ok=True)
        _second_name(whole / path, to / path)


def settle(update: Update, new: Path, old: Path) -> None:
    """After the new set took the old one's place: what a user saved there in the meantime is brought over."""
    for path in update.folders:
        with suppress(OSError):
            shutil.copystat(old / path, new / path)
    with suppress(OSError):
        shutil.copystat(old, new)
    mine = {tree.composed(path) for path in (*update.old.files, FILE)}
    for one in tree.walk(old):
        if one.is_folder or tree.composed(one.path) in mine or _is_carried(old / one.path, new / one.path):
            continue
        (new / one.path).parent.mkdir(parents=True, exist_ok=True)
        os.replace(old / one.path, new / one.path)  # noqa: PTH105


def _refuse_changed(old: Recorded) -> None:
    found = [f"{path!r} {what}" for path, what in _changed(old)]
    if found:
        raise DestinationError(
            old.folder,
            f"changed by hand since curate wrote it: {names.some(found, NAMED)}",
            "Put these files back as they were, or export to a new folder",
        )


def _changed(old: Recorded) -> Iterator[tuple[str, str]]:
    """Files of ours that are not as we wrote them. A link that shows a source which changed is not changed by hand."""
    sources = _sources(old) if old.link else {}
    for path, written in old.files.items():
        file = old.folder / path
        try:
            if tree.digest_of(file) != written.digest and not _shows(file, sources.get(path)):
                yield path, "has other content"
        except OSError as error:
            if sources.get(path) and file.is_symlink():  # its source went: then the link is still as we made it
                continue
            yield path, "is gone" if isinstance(error, FileNotFoundError) else f"cannot be read ({error.strerror})"


def _sources(old: Recorded) -> dict[str, Path]:
    """Where the pictures come from that may be links, by their digest's first written file."""
    folder = Path(old.export.folder)
    by_digest = {item.picture.digest: folder / item.picture.path for item in old.export.items if item.kept}
    return {path: by_digest[one.digest] for path, one in old.files.items() if one.digest in by_digest}


def _shows(file: Path, source: Path | None) -> bool:
    try:
        return source is not None and file.samefile(source)
    except OSError:
        return False


def _refuse_blocked(whole: Path, new: Sequence[str], foreign: Sequence[str], folders: Sequence[str]) -> None:
    """A user's file or folder that lies where a new file, or the folder of one, has to be."""
    files = {names.key(path): path for path in foreign}
    theirs = {names.key(path): path for path in folders}
    for to in new:
        found = next((files[key] for key in map(names.key, (to, *_above(to))) if key in files), None)
        found = found or theirs.get(names.key(to))
        if found:
            raise DestinationError(whole, f"{found!r} is not curate's and in the way of {to!r}", "Move it elsewhere")


def _stays(action: Action, old: Recorded, placing: Placing) -> bool:
    """Whether the file that was written is what the action would write."""
    before = old.files.get(action.to)
    if before is None:
        return False
    if isinstance(action, WriteText):
        return before.digest == contents.digest(action)
    if isinstance(action, PlacePicture) and action.as_it_is:
        return not placing.link and not old.link and before.digest == action.digest
    return before.recipe == contents.recipe(action, placing.source, placing.background)


def _above(path: str) -> Iterator[str]:
    return (str(one) for one in PurePosixPath(path).parents if str(one) != ".")


def _second_name(old: Path, new: Path) -> None:
    """The same file under a second name; a copy with its times where the file system has no hard links."""
    try:
        os.link(old, new, follow_symlinks=False)
    except (OSError, NotImplementedError):
        if not (old.is_file() or old.is_symlink()):
            raise DestinationError(old, "no file that can be copied", "Move it out of the set") from None
        shutil.copy2(old, new, follow_symlinks=False)


def _is_carried(old: Path, new: Path) -> bool:
    """Whether a user's file is the one that was brought over, and was not saved anew since."""
    try:
        one, other = old.lstat(), new.lstat()
    except OSError:
        return False
    same = (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino) and one.st_ino != 0
    return same or (one.st_size, one.st_mtime_ns) == (other.st_size, other.st_mtime_ns)
