"""A data set written to a store, such as a bucket: under its final names, and the manifest last.

A store renames nothing, so the set is not whole or absent as it is in a folder: without `curate-manifest.json` it is
unfinished. Files are made in a temporary folder, a batch at a time, and proved there before they are sent.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from curate import addresses
from curate.errors import DestinationError, FolderError
from curate.output import beside
from curate.output import destination as places
from curate.output.layouts import layout
from curate.output.listing import lines
from curate.output.manifest import FILE, manifest
from curate.output.placing import Placing, place_all
from curate.output.records import Action, Draft, WriteText, Written, WrittenFile
from curate.output.write import LISTED, actions_of
from curate.pictures import RemoteFiles, Source, store_door

BATCH = 64  # files made before they are sent: some 300 MB of photographs from a camera
THREADS = 16  # files sent at once: a request takes some 50 ms, of which this machine waits nearly all
_BUCKETS = frozenset(("s3", "gs", "az", "abfs"))
_CHOOSE = "Choose a new place"


@dataclass(frozen=True, slots=True)
class _Store:
    """Where the set goes."""

    address: str
    system: Any  # fsspec's
    root: str  # its own name of the address

    def send(self, file: Path, path: str) -> None:
        with store_door():
            self.system.put_file(str(file), f"{self.root}/{path}")

    def exists(self, path: str) -> bool:
        with store_door():
            return bool(self.system.exists(f"{self.root}/{path}"))


def check_place(destination: str | Path, folder: str | Path, *, update: bool = False) -> None:
    """Raises DestinationError where no export of `folder` can go, on this machine or elsewhere, before anything is
    known of its size."""
    if isinstance(destination, Path) or not addresses.is_address(destination):
        places.check_place(addresses.local(destination) or Path(destination), folder, update=update)
    else:
        _checked(destination, [str(folder)], update=update)


def upload(
    draft: Draft,
    destination: str,
    *,
    dry_run: bool = False,
    listed: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Written:
    """Writes the set below an address where nothing lies; `listed`: only its manifest.

    A dry run makes the same checks, tells the same, and writes nothing. Raises DestinationError, and FolderError for a
    source file that vanished or changed since the scan.
    """
    chosen, export = layout(draft.settings.trainer), draft.export
    store = _checked(destination, [export.folder, *(folder for _, folder in export.outside)])
    actions = () if listed else actions_of(draft)
    places.refuse_collisions((*actions, WriteText(to=FILE, text="")))
    placing = Placing(source=Source(export.folder, export.outside), link="", background=draft.settings.background)
    files = () if dry_run else _sent(store, actions, placing, draft, progress)
    return Written(
        destination=store.address,
        draft=draft,
        config=f"{store.address}/{chosen.config}" if chosen.config and not listed else None,
        lines=(*lines(draft, store.address), *([LISTED] if listed else [])),
        notes=_notes(draft, listed=listed),
        files=files,
        dry_run=dry_run,
    )


def _checked(destination: str, sources: Sequence[str], *, update: bool = False) -> _Store:
    """The store, where a set can go. Raises DestinationError."""
    try:
        whole = addresses.whole(destination)
        system, root = RemoteFiles(whole).connect()
    except FolderError as error:
        raise DestinationError(error.folder, error.problem, error.advice) from None
    for source in filter(addresses.is_address, sources):
        if addresses.same_or_above(source, whole) or addresses.same_or_above(whole, source):
            raise DestinationError(whole, f"it lies in, or holds, the scanned {source}", "Choose a place outside it")
    if update:
        raise DestinationError(whole, "a store's set cannot be brought up to date in one step", _CHOOSE)
    if whole.startswith(("http://", "https://")):
        raise DestinationError(whole, "web addresses are only read", "Choose a bucket or a folder")
    store = _Store(whole, system, root.rstrip("/"))
    try:
        with store_door():
            held = _first(system, store.root)
            if not held and "/" in store.root.strip("/"):
                _check_bucket(system, store.root)
    except OSError as error:
        raise _refusal(store, error, 0) from error
    if held:
        ours = store.exists(FILE)
        what = f"holds {held!r}" if ours else f"holds {held!r} and no {FILE}: another thing, or an unfinished set"
        raise DestinationError(whole, f"not empty, it {what}", _CHOOSE)
    return store


def _first(system: Any, root: str) -> str:
    """The name of something that lies there; "" for nothing."""
    system.invalidate_cache()
    try:
        return min((str(name).rstrip("/").rpartition("/")[2] for name in system.ls(root, detail=False)), default="")
    except FileNotFoundError:
        return ""


def _check_bucket(system: Any, root: str) -> None:
    """Raises FileNotFoundError for a bucket that is not there, in stores that have buckets."""
    names = (system.protocol,) if isinstance(system.protocol, str) else system.protocol
    if _BUCKETS.intersection(names):
        with suppress(PermissionError):  # who may write need not be allowed to look
            system.info(root.strip("/").partition("/")[0])


def _sent(
    store: _Store,
    actions: Sequence[Action],
    placing: Placing,
    draft: Draft,
    progress: Callable[[int, int], None] | None,
) -> tuple[WrittenFile, ...]:
    files: list[WrittenFile] = []
    try:
        with ThreadPoolExecutor(THREADS, thread_name_prefix="curate-send") as pool:
            for start in range(0, len(actions), BATCH):
                files += _batch(store, actions[start : start + BATCH], placing, pool)
                if progress:
                    progress(len(files), len(actions))
        text = manifest(draft, files, "", beside.digests(draft, placing.source))
        with tempfile.TemporaryDirectory(prefix="curate-") as folder:
            files += place_all((WriteText(to=FILE, text=text),), Path(folder), placing, None)
            store.send(Path(folder) / FILE, FILE)
    except FolderError as error:
        raise FolderError(error.folder, error.problem, _unfinished(store, len(files), "Scan again")) from error
    except OSError as error:
        raise _refusal(store, error, len(files)) from error
    return tuple(files)


def _batch(store: _Store, actions: Sequence[Action], placing: Placing, pool: ThreadPoolExecutor) -> list[WrittenFile]:
    """Makes some files, proves them, and sends them."""
    placing.source.expect(getattr(action, "source", "") for action in actions if getattr(action, "source", ""))
    with tempfile.TemporaryDirectory(prefix="curate-") as folder:
        placed = place_all(actions, Path(folder), placing, None)
        for sent in [pool.submit(store.send, Path(folder) / one.path, one.path) for one in placed]:
            sent.result()
    return placed


def _refusal(store: _Store, error: OSError, files: int) -> DestinationError:
    if isinstance(error, FileNotFoundError):
        problem = "no such bucket"
    elif isinstance(error, PermissionError):
        problem = "the store refuses access"
    else:
        problem = "writing failed"
    told = addresses.shown((str(error).strip().splitlines() or [type(error).__name__])[0])[:200]
    advice = _unfinished(store, files, "Check the address and the store's credentials")
    return DestinationError(store.address, f"{problem} ({told})", advice)


def _unfinished(store: _Store, files: int, advice: str) -> str:
    if not files:
        return f"{advice}; nothing was written"
    return f"{advice}, and export to a new place: {files:,} files lie at {store.address} without {FILE}, unfinished"


def _notes(draft: Draft, *, listed: bool) -> tuple[str, ...]:
    if listed:
        return ()
    notes = [f"In a store nothing is renamed: the set is whole once {FILE} is there, which is written last."]
    if layout(draft.settings.trainer).config and not draft.settings.train_path.strip():
        notes.append(
            f"The configuration names {draft.root}: give --train-path where the set will lie when it is trained."
        )
    return tuple(notes)
