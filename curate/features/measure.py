"""The one pass over the pictures: each that is not known yet is read and decoded once, and measured from that."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import fields, replace
from typing import TYPE_CHECKING

import numpy as np

from curate.features import checks
from curate.features.cores import one_core_a_thread
from curate.features.embed import NOTHING, Embedder, part_of
from curate.features.held import give_back
from curate.features.look import Seen
from curate.features.memory import Store
from curate.features.thumbnails import Thumbnails
from curate.features.vectors import Vectors
from curate.features.workers import Batch, Tools, Workers, processes
from curate.pictures import Source, why_too_large
from curate.records import Catalog, Facts, Features, LeftOut, Picture

if TYPE_CHECKING:
    from curate.engine.local import Processes
    from curate.features.views import LateViewer
    from curate.settings import ScanSettings

FACTS = tuple(field.name for field in fields(Facts))
MANY = 2_000  # pictures measured, of which threads have left free what others do not use
VERSION = 3  # of facts, hashes and checks: raise it when any of them gives other numbers


def measure(
    catalog: Catalog,
    embedder: Embedder,
    store: Store,
    settings: ScanSettings,
    *,
    viewer: LateViewer | None = None,
    progress: Callable[[int, int], None] | None = None,
    engine: Processes | None = None,
) -> tuple[Catalog, Features, Thumbnails]:
    """(catalog, features, thumbnails) of the pictures that can be decoded; the others move to `broken` with a reason.

    Pictures of equal bytes are measured once. What the store knows is not measured again; what is new is stored batch
    by batch, so that an interrupted scan goes on where it ended. The result depends neither on the number of workers
    nor on what came from the store. `engine`: the child processes that decode; None: as the settings ask for. One that
    dies or takes too long costs its picture, which is listed as broken.
    `viewer` is opened only if a picture's view is not known yet; where it cannot be,
    such pictures have none and the viewer says why. `progress(done, total)` counts the pictures that had to be
    measured, from the calling thread. Raises ModelError.
    """
    source = Source(catalog.folder, catalog.outside)
    thumbnails = Thumbnails(source, settings.background, settings.thumbnail_bytes)
    first = {picture.digest: picture for picture in reversed(catalog.pictures)}
    parts = Kept(settings.background, embedder, viewer)
    vectors = Vectors([picture.digest for picture in catalog.pictures])
    measured = parts.recall(store, list(first), Batch(rows=vectors))
    unknown = [picture for digest, picture in reversed(first.items()) if digest not in measured.seen]
    engine = engine or processes(settings)
    eyes = None
    unseen = {it.digest for it in catalog.pictures if it.role == "subject"}.difference(measured.sightings)
    if viewer is not None and unseen:
        eyes = viewer.open()
    if eyes is not None:
        unknown = [it for it in reversed(first.values()) if it.digest not in measured.seen or it.digest in unseen]
    tools = Tools(
        source=source,
        embedder=embedder,
        eyes=eyes,
        unseen=unseen,
        thumbnails=thumbnails,
        settings=settings,
        engine=engine,
        hashes_only=embedder.key == NOTHING,
    )
    done = 0
    with one_core_a_thread() if unknown else nullcontext():
        for batch in Workers(tools, measured).measure(unknown):
            parts.keep(store, batch)
            measured.add(batch)
            done += len(batch.broken) + len(batch.seen.keys() | batch.sightings.keys())
            if progress is not None:
                progress(done, len(unknown))
    found = without_broken(catalog, {**_too_large(measured, settings.most_pixels), **measured.broken})
    thumbnails.pictures = found.pictures
    if len(unknown) > MANY:
        give_back()
    return found, _features(found.pictures, measured, vectors), thumbnails


def _too_large(measured: Batch, most_pixels: int) -> dict[str, str]:
    """Why pictures that an earlier run measured, with another limit, are broken for this one."""
    sizes = {digest: (seen.facts.width, seen.facts.height) for digest, seen in measured.seen.items()}
    reasons = {digest: why_too_large(*size, most_pixels) for digest, size in sizes.items()}
    return {digest: reason for digest, reason in reasons.items() if reason}


class Kept:
    """Where the store holds what is measured: embeddings, views, and the rest, each under what it depends on."""

    def __init__(
        self, background: tuple[int, int, int], embedder: Embedder, viewer: LateViewer | None, *, whole: bool = False
    ) -> None:
        """`whole`: what is measured of a whole picture, also where nothing is embedded."""
        names = sorted(name for check in checks.CHECKS for name in check.NAMES)
        self._seen = f"picture {VERSION} {checks.VERSION} {' '.join(names)} {background}"
        if embedder.key == NOTHING and not whole:
            self._seen = f"glance {VERSION} {background}"
        self._rows = "" if embedder.key == NOTHING else part_of(embedder.key)
        self.sightings = None if viewer is None else f"{viewer.key} {background}"

    @property
    def of_all(self) -> list[str]:
        """The parts that every picture has to be in."""
        return [self._seen, self._rows] if self._rows else [self._seen]

    def recall(self, store: Store, digests: Sequence[str], known: Batch | None = None) -> Batch:
        """What the store knows, added to `known`: whoever is in `seen` has all but perhaps a sighting."""
        known = known or Batch()
        rows = store.each(self._rows, digests) if self._rows else ((digest, b"") for digest in digests)
        for digest, value in rows:
            with suppress(ValueError):  # a file damaged within, as below; SQLite keeps no checksums
                known.rows[digest] = np.frombuffer(value, dtype=np.float32)
        for digest, value in store.each(self._seen, list(known.rows)):
            with suppress(ValueError, TypeError, KeyError, AttributeError):
                known.seen[digest] = _unpacked(value)
        if self.sightings is not None:
            for digest, value in store.each(self.sightings, digests):
                with suppress(ValueError, TypeError, AttributeError):
                    known.sightings[digest] = {str(name): float(one) for name, one in json.loads(value).items()}
        return known

    def keep(self, store: Store, batch: Batch) -> None:
        """Everything of a batch, in one transaction."""
        values = {
            self._seen: {digest: _packed(seen) for digest, seen in batch.seen.items()},
        }
        if self._rows:
            values[self._rows] = {digest: row.tobytes() for digest, row in batch.rows.items()}
        if self.sightings is not None and batch.sightings:
            values[self.sightings] = {
                digest: json.dumps(raw, separators=(",", ":")).encode() for digest, raw in batch.sightings.items()
            }
        store.put(values)


def _packed(seen: Seen) -> bytes:
    """JSON, whose floats come back bit for bit."""
    whole = {
        "facts": {name: getattr(seen.facts, name) for name in FACTS},
        "hashes": seen.hashes.tolist(),
        "checks": seen.checks,
    }
    return json.dumps(whole, separators=(",", ":")).encode()


def _unpacked(value: bytes) -> Seen:
    whole = json.loads(value)
    return Seen(Facts(**whole["facts"]), np.array(whole["hashes"], dtype=np.uint64), whole["checks"]).lean()


def without_broken(catalog: Catalog, broken: Mapping[str, str]) -> Catalog:
    """The catalog with the pictures of those digests among the broken files, with the reasons. Their captions and masks
    are ignored from then on, but for those that other pictures have too."""
    if not broken:
        return catalog
    stay = tuple(picture for picture in catalog.pictures if picture.digest not in broken)
    gone = [picture for picture in catalog.pictures if picture.digest in broken]
    beside = {it.caption_path: "caption" for it in gone} | {it.mask_path: "mask" for it in gone}
    used = {path for it in stay for path in (it.caption_path, it.mask_path)}
    left_out = [LeftOut(path=it.path, reason=broken[it.digest]) for it in gone]
    ignored = [
        LeftOut(path=path, reason=f"{what} of a broken picture")
        for path, what in beside.items()
        if path and path not in used
    ]
    return replace(
        catalog,
        pictures=stay,
        broken=tuple(sorted((*catalog.broken, *left_out), key=lambda one: one.path)),
        ignored=tuple(sorted((*catalog.ignored, *ignored), key=lambda one: one.path)),
    )


def _features(pictures: Sequence[Picture], measured: Batch, vectors: Vectors) -> Features:
    digests = [picture.digest for picture in pictures]
    seen = [measured.seen[digest] for digest in digests]
    return Features(
        facts=tuple(one.facts for one in seen),
        hashes=np.stack([one.hashes for one in seen]) if seen else np.zeros((0, 8), dtype=np.uint64),
        embeddings=vectors.taken(digests),
        checks=tuple(one.checks for one in seen),
        sightings=tuple(measured.sightings.get(digest) for digest in digests),
    )
