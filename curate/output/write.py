"""The one place that writes a data set: into a named folder beside its destination, then renamed.

So the destination is whole or absent, or in an update the old set or the new, whatever happens: a kill at any moment
leaves at most one folder that is called `.curate-NAME-xxxxxxxx.partial`.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from curate.errors import DestinationError
from curate.output import beside, partial, swap, updating
from curate.output import destination as places
from curate.output.layouts import layout
from curate.output.listing import lines
from curate.output.manifest import FILE, manifest
from curate.output.placing import Placing, place_all
from curate.output.records import Action, Draft, Link, PlaceMask, PlacePicture, WriteText, Written, WrittenFile
from curate.output.updating import Update
from curate.pictures import Source

LISTED = f"only the list is written: {FILE} names these pictures with their digests, and no picture is copied"
Progress = Callable[[int, int], None]
"""(files done, files in all), called from the thread that called `write`."""


def write(
    draft: Draft,
    destination: Path,
    *,
    dry_run: bool = False,
    link: Link = "",
    update: bool = False,
    listed: bool = False,
    progress: Progress | None = None,
) -> Written:
    """Writes the set to `destination`, which must be absent or an empty folder outside the source.

    `link`: hard or symbolic links instead of copies of pictures that need no change, where the system allows them.
    `update`: where curate wrote a set to `destination` before, what it wrote is brought up to date, and all else stays.
    `listed`: only the manifest is written, which tells what the set consists of.
    A dry run makes the same checks, tells the same, and writes nothing. Raises DestinationError for a place that cannot
    take the set, FolderError for a source file that vanished or changed since the scan, ManifestError for an update of
    what curate did not write.
    """
    whole = places.resolve(destination)
    if not draft.settings.train_path.strip() and draft.root != whole.as_posix():
        raise ValueError(
            f"the set was drafted for {draft.root}, not for {whole}: its configuration would name no folder"
        )
    chosen = layout(draft.settings.trainer)
    if listed and update:
        raise DestinationError(whole, "a list is not brought up to date", "Name a new folder, or give one of the two")
    actions = () if listed else actions_of(draft)
    places.refuse_collisions((*actions, WriteText(to=FILE, text="")))
    placing = Placing(
        source=Source(draft.export.folder, draft.export.outside), link=link, background=draft.settings.background
    )
    mended = partial.mend(whole) if update and not dry_run else ""
    change = updating.plan(whole, actions, placing) if update and places.is_occupied(whole) else None
    todo = change.todo(actions) if change else actions
    places.check(whole, draft.export.folder, todo, bool(link), update=change is not None)
    for _, folder in draft.export.outside:
        places.refuse_overlap(whole, folder)
    changes = change.changes if change else None
    found = Written(
        destination=str(whole),
        draft=draft,
        config=str(whole / chosen.config) if chosen.config and not listed else None,
        lines=(*lines(draft, whole, changes), *([LISTED] if listed else [])),
        notes=(),
        dry_run=dry_run,
        changes=changes,
    )
    if dry_run:
        return found
    files = _written(whole, actions, change, placing, (draft, progress))
    return replace(found, notes=(*([mended] if mended else []), *placing.notes()), files=files)


def actions_of(draft: Draft) -> tuple[Action, ...]:
    """All that the export does but its manifest, with pictures and masks read from where they lie now."""
    moved = draft.export.moved
    return tuple(
        replace(one, source=moved[one.source])
        if isinstance(one, (PlacePicture, PlaceMask)) and one.source in moved
        else one
        for one in layout(draft.settings.trainer).files(draft)
    )


def _written(
    whole: Path,
    actions: Sequence[Action],
    change: Update | None,
    placing: Placing,
    what: tuple[Draft, Progress | None],
) -> tuple[WrittenFile, ...]:
    draft, progress = what
    with explained(whole), partial.build(whole) as work, ThreadPoolExecutor(1, "curate-digests") as reading:
        beside_them = reading.submit(beside.digests, draft, placing.source)  # meanwhile: most of writing is waiting
        if change:
            updating.carry(change, work.set)
        placed = place_all(change.todo(actions) if change else actions, work.set, placing, progress)
        by_path = {**(change.kept if change else {}), **{one.path: one for one in placed}}
        files = [by_path[action.to] for action in actions]
        with _reaching_the_disk():
            text = manifest(draft, files, placing.link, beside_them.result())
        files += place_all((WriteText(to=FILE, text=text),), work.set, placing, None)
        swap.flush(work.set / FILE)
        swap.flush(work.set)
        if change:
            swap.exchange(work.set, whole, work.old)
            updating.settle(change, whole, work.old)
        else:
            swap.become(work.set, whole)
    return tuple(files)


@contextmanager
def _reaching_the_disk() -> Iterator[None]:
    """All that was written so far reaches the disk, in the meantime.

    One sync for all files: one of each takes minutes for ten thousand. What is written afterwards needs its own.
    """
    if not hasattr(os, "sync"):  # Windows, which has none for a whole disk
        yield
        return
    with ThreadPoolExecutor(1, thread_name_prefix="curate-sync") as pool:
        done = pool.submit(os.sync)
        yield
        done.result()


@contextmanager
def explained(destination: Path) -> Iterator[None]:
    """What the system refuses, in words."""
    try:
        yield
    except OSError as error:
        raise _refusal(destination, error) from error


def _refusal(destination: Path, error: OSError) -> DestinationError:
    advice = "Nothing was written. Choose another place"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DestinationError(destination, "the disk is full", "Nothing was written. Make room, or give --link hard")
    if error.errno == errno.ENAMETOOLONG:
        return DestinationError(destination, "a path is too long for the file system", advice)
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return DestinationError(destination, f"cannot be written to ({error.strerror})", advice)
    if error.errno == errno.EINVAL:
        return DestinationError(destination, "the file system refuses a name in it", advice)
    if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
        return DestinationError(destination, "something was put there while the set was written", advice)
    return DestinationError(destination, f"writing failed ({error.strerror or error})", advice)
