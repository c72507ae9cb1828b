"""The one pass over the pictures: each that is not known yet is read and decoded once, and measured from that."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

import numpy as np

from curate.features import checks
from curate.features.cores import one_core_a_thread
from curate.features.embed import Embedder, part_of
from curate.features.memory import Store
from curate.features.thumbnails import Thumbnails
from curate.features.workers import Batch, Seen, Tools, Workers
from curate.pictures import Source
from curate.records import Catalog, Facts, Features, LeftOut, Picture

if TYPE_CHECKING:
    from curate.features.views import LateViewer
    from curate.settings import ScanSettings

VERSION = 1  # of facts, hashes and checks: raise it when any of them gives other numbers


def measure(
    catalog: Catalog,
    embedder: Embedder,
    store: Store,
    settings: ScanSettings,
    *,
    viewer: LateViewer | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Catalog, Features, Thumbnails]:
    """(catalog, features, thumbnails) of the pictures that can be decoded; the others move to `broken` with a reason.

    Pictures of equal bytes are measured once. What the store knows is not measured again; what is new is stored batch
    by batch, so that an interrupted scan goes on where it ended. The result depends neither on the number of threads
    nor on what came from the store. `viewer` is opened only if a picture's view is not known yet; where it cannot be,
    such pictures have none and the viewer says why. `progress(done, total)` counts the pictures that had to be
    measured, from the calling thread. Raises ModelError.
    """
    source = Source(catalog.folder, catalog.outside)
    thumbnails = Thumbnails(source, settings.background, settings.memory_mb << 20)
    first = {picture.digest: picture for picture in reversed(catalog.pictures)}
    parts = _Parts(settings.background, embedder, viewer)
    measured = parts.recall(store, list(first))
    unknown = [picture for digest, picture in reversed(first.items()) if digest not in measured.seen]
    eyes = None
    unseen = {it.digest for it in catalog.pictures if it.role == "subject"}.difference(measured.sightings)
    if viewer is not None and unseen:
        eyes = viewer.open()
    if eyes is not None:
        unknown = [it for it in reversed(first.values()) if it.digest not in measured.seen or it.digest in unseen]
    tools = Tools(source=source, embedder=embedder, eyes=eyes, unseen=unseen, thumbnails=thumbnails, settings=settings)
    done = 0
    with one_core_a_thread() if unknown else nullcontext():
        for batch in Workers(tools, measured).measure(unknown):
            parts.keep(store, batch)
            measured.add(batch)
            done += len(batch.broken) + len(batch.seen.keys() | batch.sightings.keys())
            if progress is not None:
                progress(done, len(unknown))
    found = _without_broken(catalog, measured.broken)
    thumbnails.pictures = found.pictures
    return found, _features(found.pictures, measured), thumbnails


class _Parts:
    """Where the store holds what is measured: embeddings, views, and the rest, each under what it depends on."""

    def __init__(self, background: tuple[int, int, int], embedder: Embedder, viewer: LateViewer | None) -> None:
        names = sorted(name for check in checks.CHECKS for name in check.NAMES)
        self._seen = f"picture {VERSION} {checks.VERSION} {' '.join(names)} {background}"
        self._rows = part_of(embedder.key)
        self._sightings = None if viewer is None else f"{viewer.key} {background}"

    def recall(self, store: Store, digests: Sequence[str]) -> Batch:
        """What the store knows whole."""
        known = Batch()
        rows = store.get(self._rows, digests)
        for digest, value in store.get(self._seen, list(rows)).items():
            with suppress(ValueError, TypeError, KeyError):  # a file damaged within; SQLite keeps no checksums
                seen, row = _unpacked(value), np.frombuffer(rows[digest], dtype=np.float32)
                known.seen[digest], known.rows[digest] = seen, row
        if self._sightings is not None:
            for digest, value in store.get(self._sightings, digests).items():
                with suppress(ValueError, TypeError, AttributeError):
                    known.sightings[digest] = {str(name): float(one) for name, one in json.loads(value).items()}
        return known

    def keep(self, store: Store, batch: Batch) -> None:
        """Everything of a batch, in one transaction."""
        values = {
            self._seen: {digest: _packed(seen) for digest, seen in batch.seen.items()},
            self._rows: {digest: row.tobytes() for digest, row in batch.rows.items()},
        }
        if self._sightings is not None and batch.sightings:
            values[self._sightings] = {
                digest: json.dumps(raw, separators=(",", ":")).encode() for digest, raw in batch.sightings.items()
            }
        store.put(values)


def _packed(seen: Seen) -> bytes:
    """JSON, whose floats come back bit for bit."""
    whole = {"facts": asdict(seen.facts), "hashes": seen.hashes.tolist(), "checks": seen.checks}
    return json.dumps(whole, separators=(",", ":")).encode()


def _unpacked(value: bytes) -> Seen:
    whole = json.loads(value)
    return Seen(Facts(**whole["facts"]), np.array(whole["hashes"], dtype=np.uint64), whole["checks"])


def _without_broken(catalog: Catalog, broken: Mapping[str, str]) -> Catalog:
    if not broken:
        return catalog
    left_out = [LeftOut(path=it.path, reason=broken[it.digest]) for it in catalog.pictures if it.digest in broken]
    return replace(
        catalog,
        pictures=tuple(picture for picture in catalog.pictures if picture.digest not in broken),
        broken=tuple(sorted((*catalog.broken, *left_out), key=lambda one: one.path)),
    )


def _features(pictures: Sequence[Picture], measured: Batch) -> Features:
    digests = [picture.digest for picture in pictures]
    seen = [measured.seen[digest] for digest in digests]
    rows = [measured.rows[digest] for digest in digests]
    return Features(
        facts=tuple(one.facts for one in seen),
        hashes=np.stack([one.hashes for one in seen]) if seen else np.zeros((0, 8), dtype=np.uint64),
        embeddings=np.stack(rows) if rows else np.zeros((0, 0), dtype=np.float32),
        checks=tuple(one.checks for one in seen),
        sightings=tuple(measured.sightings.get(digest) for digest in digests),
    )
