"""Pictures as they are into a new folder, with the caption and mask files that lie beside them and nothing else."""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from curate import addresses
from curate.errors import DestinationError
from curate.output import contents, partial, swap
from curate.output import destination as places
from curate.output.placing import Placing, place_all
from curate.output.records import Action, PlacePicture, WriteText
from curate.output.write import explained
from curate.pictures import CAPTION_SUFFIXES, Source
from curate.records import Picture

UNUSED = (255, 255, 255)  # a background, which nothing here is laid on


def check_new(destination: str | Path, folders: Sequence[str | Path]) -> Path:
    """The resolved path of a folder that is to be made. Raises DestinationError where something lies there already, or
    where it would lie in one of `folders` or hold it."""
    here = addresses.local(destination)
    if here is None:
        raise DestinationError(
            addresses.shown(str(destination)), "an address, and copies go to a folder of this machine", "Name a folder"
        )
    whole = places.resolve(here)
    if whole.exists() or whole.is_symlink():
        raise DestinationError(whole, "it exists already", "Name a new folder")
    for folder in folders:
        places.refuse_overlap(whole, folder)
    return whole


def copy_as_they_are(
    folder: str | Path,
    pictures: Sequence[Picture],
    destination: str | Path,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """Copies pictures of `folder` to a new folder under the same relative paths, byte for byte, each with its caption
    and mask file where it has one; a caption that comes from a metadata file or was decided becomes a text file. The
    number of files written.

    The destination is whole or absent afterwards. Raises DestinationError for a place that cannot take it, FolderError
    for a file that vanished or changed since it was scanned.
    """
    whole = check_new(destination, (folder,))
    placing = Placing(source=Source(folder), link="", background=UNUSED)
    actions = tuple({action.to: action for one in pictures for action in _actions(one, placing.source)}.values())
    with _unlinked(whole):
        places.check(whole, folder, actions, False)
        with explained(whole), partial.build(whole) as work:
            place_all(actions, work.set, placing, progress)
            swap.become(work.set, whole)
    return len(actions)


@contextmanager
def _unlinked(destination: Path) -> Iterator[None]:
    """Links are no way out here, so nobody is advised to ask for them."""
    try:
        yield
    except DestinationError as error:
        if "--link" not in error.advice:
            raise
        raise DestinationError(destination, error.problem, "Make room, or choose another disk") from error


def _actions(picture: Picture, source: Source) -> Iterator[Action]:
    yield PlacePicture(source=picture.path, digest=picture.digest, size_bytes=picture.size_bytes, to=picture.path)
    beside = picture.caption_path
    if beside is not None and beside.lower().endswith(CAPTION_SUFFIXES):
        yield _file(beside, source)
    elif picture.caption is not None:
        yield WriteText(to=posixpath.splitext(picture.path)[0] + CAPTION_SUFFIXES[0], text=picture.caption)
    if picture.mask_path is not None:
        yield _file(picture.mask_path, source)


def _file(path: str, source: Source) -> PlacePicture:
    """A file that was not hashed when the folder was scanned; what it holds now is what is copied."""
    try:
        data = source.read(path)
    except OSError as error:
        raise contents.unreadable(source, path, error) from error
    return PlacePicture(source=path, digest=hashlib.sha256(data).hexdigest(), size_bytes=len(data), to=path)
