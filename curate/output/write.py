"""The one place that writes a data set: into a named sibling of its destination, then renamed.

So the destination is whole or absent, whatever happens: a kill at any moment leaves at most one folder that is called
`.curate-NAME-xxxxxxxx.partial`.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from curate.errors import DestinationError
from curate.output import destination as places
from curate.output.layouts import layout
from curate.output.listing import lines
from curate.output.manifest import FILE, manifest
from curate.output.placing import Placing, place_all
from curate.output.records import Draft, Link, WriteText, Written
from curate.pictures import Source

Progress = Callable[[int, int], None]
"""(files done, files in all), called from the thread that called `write`."""

_PARTIAL = re.compile(r"\.curate-.*-[0-9a-f]{8}\.partial", re.DOTALL)
_NAME = 60  # characters of the destination's name in that of the partial folder


def write(
    draft: Draft,
    destination: Path,
    *,
    dry_run: bool = False,
    link: Link = "",
    progress: Progress | None = None,
) -> Written:
    """Writes the set to `destination`, which must be absent or an empty folder outside the source.

    `link`: hard or symbolic links instead of copies of pictures that need no change, where the system allows them.
    A dry run makes the same checks, tells the same, and writes nothing. Raises DestinationError for a place that cannot
    take the set, FolderError for a source file that vanished or changed since the scan.
    """
    whole = places.resolve(destination)
    if not draft.settings.train_path and draft.root != whole.as_posix():
        raise ValueError(
            f"the set was drafted for {draft.root}, not for {whole}: its configuration would name no folder"
        )
    chosen = layout(draft.settings.trainer)
    actions = tuple(chosen.files(draft))
    places.refuse_collisions(actions)
    places.check(whole, Path(draft.export.folder), actions, bool(link))
    config = str(whole / chosen.config) if chosen.config else None
    told = lines(draft, whole)
    if dry_run:
        return Written(destination=str(whole), draft=draft, config=config, lines=told, notes=(), dry_run=True)
    placing = Placing(source=Source(draft.export.folder), link=link, background=draft.settings.background)
    with _sibling(whole) as partial:
        files = place_all(actions, partial, placing, progress)
        text = manifest(draft, files, link)
        files += place_all((WriteText(to=FILE, text=text),), partial, placing, None)
    return Written(
        destination=str(whole), draft=draft, config=config, lines=told, notes=placing.notes(), files=tuple(files)
    )


def leftovers(destination: Path) -> tuple[Path, ...]:
    """Partial folders of exports to this place that were killed, or are still being written by another process."""
    whole = places.resolve(destination)
    start = _start(whole)
    try:
        found = [path for path in whole.parent.iterdir() if path.name.startswith(start)]
    except OSError:  # no such folder, so nothing is left in it
        return ()
    return tuple(sorted(path for path in found if _PARTIAL.fullmatch(path.name) and path.is_dir()))


def remove_leftover(path: Path) -> None:
    """Removes a partial folder that `leftovers` named. Raises DestinationError for any other path."""
    if not _PARTIAL.fullmatch(path.name) or path.is_symlink() or not path.is_dir():
        raise DestinationError(path, "no partial export of curate", "Remove it yourself if you mean it")
    try:
        shutil.rmtree(path)
    except OSError as error:
        raise DestinationError(path, f"cannot be removed: {error.strerror}", "Remove it yourself") from None


@contextmanager
def _sibling(destination: Path) -> Iterator[Path]:
    """A new folder beside `destination` that becomes it when all went well, and is removed when anything did not."""
    made: list[Path] = []
    partial = destination.parent / f"{_start(destination)}{secrets.token_hex(4)}.partial"
    try:
        _make_parents(destination, made)
        partial.mkdir()
        yield partial
        if hasattr(os, "sync"):
            os.sync()  # once for all files: a sync of each takes minutes for ten thousand
        _become(partial, destination)
    except BaseException as error:
        shutil.rmtree(partial, ignore_errors=True)
        for folder in reversed(made):
            with suppress(OSError):
                folder.rmdir()
        if isinstance(error, OSError):
            raise _explained(destination, error) from error
        raise


def _start(destination: Path) -> str:
    return f".curate-{destination.name[:_NAME]}-"


def _make_parents(destination: Path, made: list[Path]) -> None:
    missing = [folder for folder in destination.parents if not folder.exists()]
    for folder in reversed(missing):
        folder.mkdir()
        made.append(folder)


def _become(partial: Path, destination: Path) -> None:
    if os.name == "nt" and destination.exists():
        destination.rmdir()  # Windows renames onto nothing that exists; it is empty, or this fails
    partial.rename(destination)
    if os.name != "nt":
        folder = os.open(destination.parent, os.O_RDONLY)
        try:
            with suppress(OSError):  # some network file systems sync no folders
                os.fsync(folder)
        finally:
            os.close(folder)


def _explained(destination: Path, error: OSError) -> DestinationError:
    advice = "Nothing was written. Choose another place"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DestinationError(destination, "the disk is full", "Nothing was written. Make room, or give --link hard")
    if error.errno == errno.ENAMETOOLONG:
        return DestinationError(destination, "a path is too long for the file system", advice)
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return DestinationError(destination, f"cannot be written to ({error.strerror})", advice)
    if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
        return DestinationError(destination, "something was put there while the set was written", advice)
    return DestinationError(destination, f"writing failed ({error.strerror or error})", advice)
