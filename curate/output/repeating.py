"""An export repeated from its manifest: the same pictures, captions, settings and decisions, without grouping anew."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from curate.errors import FolderError
from curate.output import contents, names
from curate.output.recorded import FILE, Recorded
from curate.output.records import Export, PlaceMask, WriteText, Written
from curate.output.write import actions_of
from curate.pictures import Source
from curate.records import Catalog, LeftOut, Picture

NAMED = 5  # files that a refusal names; more are counted


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeat:
    """A recorded export, ready to be drafted again, and what the folder holds besides."""

    export: Export
    new: tuple[str, ...]  # pictures that the manifest does not know: left out
    gone: tuple[str, ...]  # pictures that had been left out, and are there no more

    def notes(self) -> tuple[str, ...]:
        """What there is to say of other pictures, one line a kind."""
        new = f"New in the folder, and left out as the manifest does not know them: {', '.join(self.new)}."
        gone = f"Left out then, and not in the folder any more: {', '.join(self.gone)}."
        return (*([new] if self.new else []), *([gone] if self.gone else []))


def repeat(record: Recorded, catalog: Catalog) -> Repeat:
    """The recorded export, made from the pictures that a scan finds now.

    A picture that lies elsewhere now is found by its digest. Raises FolderError, naming them, for pictures of the set
    that vanished or changed and for captions and masks that are other ones.
    """
    found = _Found(catalog)
    moved: dict[str, str] = {}
    problems: list[str] = []
    gone = []
    for item in sorted(record.export.items, key=lambda one: one.picture.path):
        before = item.picture
        now = found.take(before)
        if now is None:
            if item.kept:
                problems.append(f"{before.path} {'changed' if before.path in found.by_path else 'vanished'}")
            else:
                gone.append(before.path)
            continue
        if now.path != before.path:
            moved[before.path] = now.path
        if item.kept:
            problems += _beside(before, now, record.mask_digests, Source(catalog.folder, catalog.outside))
            if before.mask_path and now.mask_path and now.mask_path != before.mask_path:
                moved[before.mask_path] = now.mask_path
    if problems:
        raise FolderError(
            catalog.folder,
            f"not as {record.path} recorded it: {names.some(problems, NAMED)}",
            "Put these files back, or export anew without --like",
        )
    export = replace(record.export, folder=catalog.folder, outside=catalog.outside, moved=moved)
    if names.safe(export.settings.name or Path(catalog.folder).name, "set") != record.name:
        export = replace(export, settings=replace(export.settings, name=record.name))
    return Repeat(export=export, new=found.rest(record.export.broken), gone=tuple(gone))


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """A repeated set beside the recorded one; paths below the set."""

    files: int
    moved: tuple[str, ...]  # differ by the set's own path alone, which they name
    different: tuple[str, ...]
    missing: tuple[str, ...]
    added: tuple[str, ...]

    @property
    def identical(self) -> bool:
        return not (self.different or self.missing or self.added)

    def line(self) -> str:
        if not self.identical:
            told = (("differs", self.different), ("missing", self.missing), ("added", self.added))
            return "not identical: " + ", ".join(f"{path} ({what})" for what, paths in told for path in paths)
        if self.moved:
            return f"identical, {self.files:,} files, but for the set's path in {', '.join(self.moved)}"
        return f"identical: {self.files:,} files, digest for digest"


def compare(record: Recorded, written: Written) -> Compared:
    """The digests of a repeated export beside those that its manifest recorded."""
    now = {one.path: one.digest for one in written.files if one.path != FILE}
    then = {path: one.digest for path, one in record.files.items()}
    different = sorted(path for path in now.keys() & then.keys() if now[path] != then[path])
    there = replace(written.draft, root=record.root)
    named = {
        one.to for one in actions_of(there) if isinstance(one, WriteText) and then.get(one.to) == contents.digest(one)
    }
    return Compared(
        files=len(now),
        moved=tuple(path for path in different if path in named),
        different=tuple(path for path in different if path not in named),
        missing=tuple(sorted(then.keys() - now.keys())),
        added=tuple(sorted(now.keys() - then.keys())),
    )


class _Found:
    """The pictures of a folder, each given out once: by its path and digest, else by its digest."""

    def __init__(self, catalog: Catalog) -> None:
        self.by_path = {picture.path: picture for picture in catalog.pictures}
        self._by_digest: dict[str, list[Picture]] = {}
        for picture in catalog.pictures:
            self._by_digest.setdefault(picture.digest, []).append(picture)
        self._taken: set[str] = set()

    def take(self, before: Picture) -> Picture | None:
        same = [one for one in self._by_digest.get(before.digest, ()) if one.path not in self._taken]
        found = next((one for one in same if one.path == before.path), None) or next(iter(same), None)
        if found:
            self._taken.add(found.path)
        return found

    def rest(self, broken: tuple[LeftOut, ...]) -> tuple[str, ...]:
        """The pictures that were not taken, but for those that were broken already."""
        return tuple(sorted(self.by_path.keys() - self._taken - {one.path for one in broken}))


def _beside(before: Picture, now: Picture, masks: Mapping[str, str], source: Source) -> Iterator[str]:
    """What of a picture's caption and mask is not as it was."""
    if (before.caption or "") != (now.caption or ""):
        yield f"the caption of {before.path} changed"
    if bool(before.mask_path) != bool(now.mask_path):
        yield f"the mask of {before.path} {'vanished' if before.mask_path else 'is new'}"
    elif before.mask_path and now.mask_path and before.mask_path in masks:
        mask = PlaceMask(to="", size=(0, 0), source=now.mask_path)
        if contents.mask_digest(mask, source) != masks[before.mask_path]:
            yield f"the mask of {before.path} changed"
