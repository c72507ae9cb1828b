"""Measures pictures on the machines of a cluster, ahead of `measure`, which then finds everything in the store.

Workers read, decode and embed, and write what they found as Parquet into the place that all machines see; the head gets
counts and reasons. So nothing is lost with a worker or the cluster but the batches in work, and a scan that is started
again goes on from what was written.
"""

from __future__ import annotations

import math
import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from curate import addresses
from curate.engine import Lost
from curate.errors import EngineError, FeaturesError, FolderError, ModelError
from curate.features.divided import Divided
from curate.features.embed import EMBEDDERS, Embedder, choose
from curate.features.embed.base import Wish
from curate.features.measure import Kept, measure, without_broken
from curate.features.memory import Store
from curate.features.parquet import HELD, ParquetStore
from curate.records import Catalog, Picture

if TYPE_CHECKING:
    from curate.engine.ray import RayEngine
    from curate.features.views import LateViewer, Viewer
    from curate.settings import ScanSettings

FEW = 8  # pictures that are left to the head: workers take seconds to begin
SHARE = 4  # batches a worker gets, where there are pictures for so many: none waits long for the slowest at the end
ROUNDS = 2  # the second for what is not there after the first: a file damaged meanwhile


@contextmanager
def connected(settings: ScanSettings) -> Iterator[RayEngine | None]:
    """The cluster that the settings ask for; None where this machine measures. Raises EngineError."""
    if settings.engine == "local":
        if settings.address:
            advice = "Add --engine ray, or leave the address out"
            raise EngineError("local", f"the address {settings.address!r} is that of a cluster", advice)
        yield None
        return
    from curate.engine import ray

    with ray.connected(settings.address, settings.workers) as engine:
        yield engine


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to be measured, with what, where it goes, and by whom."""

    catalog: Catalog
    embedder: Embedder
    store: Store
    settings: ScanSettings
    engine: RayEngine
    viewer: LateViewer | None = None
    custom: bool = False  # the embedder is an object of the caller's, none that the settings name


def measure_ahead(wanted: Wanted, progress: Callable[[int, int], None] | None = None) -> Catalog:
    """The catalog, without the pictures that could not be decoded; of all others, but for a few, everything is in the
    store.

    `progress(done, total)` counts the pictures that had to be measured. Raises EngineError, FeaturesError, ModelError
    and FolderError.
    """
    if not isinstance(wanted.store, Divided):
        raise EngineError("ray", "there is no place for what the workers measure", "Give one: --features ADDRESS")
    broken: dict[str, str] = {}
    for _ in range(ROUNDS):
        unknown = [it for it in _unknown(wanted) if it.digest not in broken]
        if len(unknown) <= FEW:
            return without_broken(wanted.catalog, broken)
        broken |= _measured(wanted, wanted.store.features, unknown, progress)
    missing = [it for it in _unknown(wanted) if it.digest not in broken]
    if len(missing) > FEW:
        problem = f"what the workers wrote of {len(missing):,} pictures cannot be read from here"
        advice = "Give --features a place that all machines reach"
        raise FeaturesError(addresses.shown(wanted.store.features.address), problem, advice)
    return without_broken(wanted.catalog, broken)


def _unknown(wanted: Wanted) -> list[Picture]:
    """One picture of each digest that something is to be measured of, in the order of the catalog."""
    first = {picture.digest: picture for picture in reversed(wanted.catalog.pictures)}
    kept = Kept(wanted.settings.background, wanted.embedder, wanted.viewer)
    known = wanted.store.holds(kept.of_all, list(first))
    if kept.sightings is not None:
        subjects = {it.digest for it in wanted.catalog.pictures if it.role == "subject"}
        unseen = subjects - wanted.store.holds([kept.sightings], sorted(subjects))
        if unseen and wanted.viewer is not None and wanted.viewer.open() is not None:
            known -= unseen
    return [picture for digest, picture in reversed(first.items()) if digest not in known]


def _measured(
    wanted: Wanted, place: ParquetStore, unknown: Sequence[Picture], progress: Callable[[int, int], None] | None
) -> dict[str, str]:
    """Has them measured: why some are broken, by digest. Pictures whose workers died together are tried singly."""
    engine = replace(wanted.engine, gpu=wanted.embedder.device.startswith("cuda"))
    size = max(1, min(HELD, math.ceil(len(unknown) / (engine.most * SHARE))))
    bare = [replace(it, caption=None, caption_path=None) for it in unknown]  # small, as all of them travel
    batches = [tuple(bare[at : at + size]) for at in range(0, len(bare), size)]
    task = _task(wanted, place, engine.cores)
    broken: dict[str, str] = {}
    done = 0
    while batches:
        lost: list[tuple[Picture, ...]] = []
        for batch, result in zip(batches, engine.run(task, batches), strict=True):
            if isinstance(result, Lost) and len(batch) > 1:
                lost += [(picture,) for picture in batch]
                continue
            broken |= {batch[0].digest: result.reason} if isinstance(result, Lost) else result
            done += len(batch)
            if progress is not None:
                progress(done, len(unknown))
        batches = lost
    return broken


def _task(wanted: Wanted, place: ParquetStore, cores: int) -> Measuring:
    settings = replace(
        wanted.settings,
        model=wanted.settings.model if wanted.custom else _name_of(wanted),
        device=wanted.settings.device if wanted.custom else wanted.embedder.device,
        engine="local",
        address="",
        workers=cores,
        memory_mb=0,  # nothing is aligned there
    )
    return Measuring(
        catalog=replace(wanted.catalog, pictures=(), broken=(), ignored=()),
        settings=settings,
        key=wanted.embedder.key,
        custom=wanted.embedder if wanted.custom else None,
        eyes=wanted.viewer.open() if wanted.viewer is not None else None,
        place=place.address,
        identity=place.identity(),
    )


def _name_of(wanted: Wanted) -> str:
    """What `choose` calls the embedder: not auto, which another machine could understand otherwise."""
    if "/" in wanted.settings.model:
        return wanted.settings.model
    wish = Wish(device=wanted.embedder.device, offline=True)
    for name, make in EMBEDDERS.items():
        with suppress(ModelError):  # of one that is not on this machine
            if make(wish).key == wanted.embedder.key:
                return name
    return wanted.settings.model


@dataclass(slots=True, kw_only=True)
class Measuring:
    """The task of a worker: measures a batch of pictures, and gives the reasons of the broken ones by digest."""

    catalog: Catalog  # without pictures
    settings: ScanSettings
    key: str  # of the embedder, which has to be the head's
    custom: Embedder | None
    eyes: Viewer | None
    place: str
    identity: str  # of the place
    _tools: tuple[Embedder, ParquetStore, LateViewer | None] | None = field(default=None, init=False)

    def __call__(self, pictures: tuple[Picture, ...]) -> Mapping[str, str]:
        if self._tools is None:
            self._tools = self._opened()
        embedder, store, viewer = self._tools
        batch = replace(self.catalog, pictures=pictures)
        found, *_ = measure(batch, embedder, store, self.settings, viewer=viewer)
        store.flush()
        reasons = {one.path: one.reason for one in found.broken}
        return {it.digest: reasons[it.path] for it in pictures if it.path in reasons}

    def _opened(self) -> tuple[Embedder, ParquetStore, LateViewer | None]:
        from curate.features import views

        folder = addresses.local(self.catalog.folder)
        if folder is not None and not folder.exists():
            problem = f"the machine {platform.node()} does not see it"
            raise FolderError(self.catalog.folder, problem, "Give a place that all machines of the cluster reach")
        embedder = self.custom if self.custom is not None else choose(self.settings)[0]
        if embedder.key != self.key:
            problem = f"the machine {platform.node()} has it otherwise ({embedder.key}, here {self.key})"
            raise ModelError(embedder.name, problem, "Install the same versions on all machines, or give --model")
        store = _Written(self.place, expected=self.identity)
        eyes = self.eyes
        return embedder, store, views.LateViewer(lambda: eyes) if eyes is not None else None


class _Written(ParquetStore):
    """Only written to: what is known already is not sent to a worker."""

    def each(self, part: str, keys: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        return iter(())


__all__ = ["Measuring", "Wanted", "connected", "measure_ahead"]
