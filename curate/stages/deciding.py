"""From what was measured and decided to the analysis: once for a scan, again and again while somebody decides."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from curate.decisions import NONE, Decisions
from curate.records import Analysis, Catalog, Diversity, Group, View
from curate.stages import answers, inputs
from curate.stages.measured import Measured, check_preset, checks_of, kept_of, with_captions

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from curate.records import Features

    Rows = NDArray[np.intp]

Result = TypeVar("Result")
LARGE = 600  # pictures up to which the whole count takes a tenth of a second on one core, and is always made
DRIFT = 64  # estimates in a row, each from the one before, until the set is counted anew


def decide(found: Measured, decisions: Decisions = NONE) -> Analysis:
    """What follows from what was measured and what the user decided: copies folded, effective images counted, views
    covered. Pure, but for files that are read again where two pictures must be compared for the first time."""
    return Deciding(found).exact(decisions)


class Deciding:
    """`decide` for one measured set under ever other decisions: what they leave as it was is not worked out again.

    Safe to use from several threads.
    """

    def __init__(self, found: Measured) -> None:
        self.found = found
        self._known: dict[str, tuple[object, object]] = {}
        self._counted: tuple[Rows, Diversity, int] | None = None  # for which photographs, and estimates since
        self._views: tuple[list[object], tuple[View, ...]] | None = None
        self._scenes: Rows | None = None
        self._lock = threading.RLock()

    def __call__(self, decisions: Decisions) -> Analysis:
        """The analysis, at once: in sets of more than LARGE pictures effective images and scenes are estimated from
        those before (`diversity.estimated`)."""
        return self._analysis(decisions, quick=len(self.found.catalog.pictures) > LARGE)

    def suppose(self, decisions: Decisions) -> Analysis:
        """The analysis under decisions that are only asked about: nothing is counted from it later."""
        with self._lock:
            other = Deciding(self.found)
            other._known, other._counted = dict(self._known), self._counted
            other._views, other._scenes = self._views, self._scenes
        return other(decisions)

    def exact(self, decisions: Decisions) -> Analysis:
        """The analysis, as a scan gives it."""
        return self._analysis(decisions, quick=False)

    def _analysis(self, decisions: Decisions, *, quick: bool) -> Analysis:
        from curate.stages import decided

        found = self.found
        with self._lock:
            catalog = self._once("catalog", decisions.captions, lambda: decided.catalog(found.catalog, decisions))
            shape = (decisions.captions, decisions.apart, decisions.keepers)
            groups = self._once("groups", shape, lambda: self._groups(catalog, decisions))
            proposed = self._once("kept", shape, lambda: kept_of(catalog, groups))
            kept = decided.kept(proposed, catalog.pictures, decisions)
            judged = self._once("judged", None, lambda: checks_of(found.features, found.settings))
            keepers = inputs.keeper_of_row(catalog, groups, kept)
            analysis = Analysis(
                catalog=catalog,
                features=found.features,
                model=found.model,
                checks=self._once("checks", shape, lambda: with_captions(judged, catalog, groups)),
                groups=groups,
                diversity=self._diversity(keepers, quick),
                kept=kept,
                notes=(*found.notes, *decided.notes(catalog.pictures, decisions)),
                views=self._seen(catalog, decisions),
                decided=decided.kinds(catalog.pictures, decisions),
                decisions=decisions.number_for(catalog.pictures),
                shared=found.shared,
                recall=found.evidence.recall,
            )
            return self._covered(analysis, keepers, quick)

    def _once(self, name: str, key: object, make: Callable[[], Result]) -> Result:
        """What `make` gives for this key; kept until the key changes."""
        known = self._known.get(name)
        if known is None or known[0] != key:
            known = self._known[name] = (key, make())
        return known[1]  # type: ignore[return-value]

    def _groups(self, catalog: Catalog, decisions: Decisions) -> tuple[Group, ...]:
        if self.found.groups is not None and not (decisions.captions or decisions.apart or decisions.keepers):
            return self.found.groups
        from curate import copies
        from curate.stages import decided

        return copies.stars(decided.evidence(self.found.evidence, catalog.pictures, decisions))

    def _diversity(self, keepers: Rows, quick: bool) -> Diversity:
        import numpy as np

        from curate import diversity

        embeddings, u = self.found.features.embeddings, self.found.scale.u
        if self._counted is not None:
            before, held, estimates = self._counted
            if np.array_equal(before, keepers) and (quick or not held.estimated):
                return held
            if quick and estimates < DRIFT and (near := diversity.recount(embeddings, before, keepers, held, u)):
                self._counted = keepers, near, estimates + 1
                return near
        held = self._count(keepers)
        self._counted = keepers, held, 0
        return held

    def _count(self, keepers: Rows) -> Diversity:
        """The whole count. Of a large set, scenes are found on another core meanwhile, and both are remembered."""
        from curate import diversity, features

        embeddings, u, order = self.found.features.embeddings, self.found.scale.u, inputs.order(self.found.catalog)
        if len(embeddings) <= LARGE or not embeddings.shape[1]:
            with features.one_core_a_thread():  # BLAS threads that wait for each other cost more than they give here
                return diversity.measure(embeddings, keepers, u, order)

        def counted() -> answers.Arrays:
            with features.one_core_a_thread(), ThreadPoolExecutor(1) as beside:
                scenes = beside.submit(self._found_scenes, keepers)
                held = diversity.measure(embeddings, keepers, u, order)
                return {**answers.arrays_of(held), "scenes": scenes.result()}

        memory = answers.Answers(self.found.settings, self.found.catalog.folder, embeddings, u)
        found = memory.once("counted", keepers, counted)
        features.give_back()
        self._known["scenes"] = (keepers.tobytes(), found["scenes"])
        return answers.diversity_of(found)

    def _seen(self, catalog: Catalog, decisions: Decisions) -> tuple[View, ...]:
        """Every picture's view; those whose caption and correction are as before stay."""
        from curate.features import views
        from curate.stages import decided

        if self.found.settings.views == "off":
            return ()
        said = decided.corrections(decisions)
        keys: list[object] = [(one.caption, said.get(one.digest)) for one in catalog.pictures]
        before, known = self._views or ([], ())
        new = [row for row, key in enumerate(keys) if row >= len(before) or before[row] != key]
        some, features = self._part(catalog, new)
        mirror_ok, vectors = self.found.settings.mirror_ok, self.found.vectors
        read = views.of_pictures(some, features, vectors=vectors, corrections=said, mirror_ok=mirror_ok)
        fresh = dict(zip(new, read, strict=True))
        seen = tuple(fresh[row] if row in fresh else known[row] for row in range(len(keys)))
        self._views = keys, seen
        return seen

    def _part(self, catalog: Catalog, rows: Sequence[int]) -> tuple[Catalog, Features]:
        features = self.found.features
        if len(rows) == len(catalog.pictures):
            return catalog, features
        some = replace(
            features,
            facts=tuple(features.facts[row] for row in rows),
            hashes=features.hashes[rows],
            embeddings=features.embeddings[rows],
            checks=tuple(features.checks[row] for row in rows),
            sightings=tuple(features.sightings[row] for row in rows) if features.sightings else (),
        )
        return replace(catalog, pictures=tuple(catalog.pictures[row] for row in rows)), some

    def _covered(self, analysis: Analysis, keepers: Rows, quick: bool) -> Analysis:
        """With coverage. Scenes that were found for all photographs stay while some of these are left out."""
        import numpy as np

        from curate import diversity

        settings, photographs = self.found.settings, np.flatnonzero(keepers == np.arange(len(keepers)))
        check_preset(settings.preset)
        if not self.found.features.embedded:
            asked = inputs.coverage_inputs(analysis, settings.preset, settings.mirror_ok)
            return replace(analysis, coverage=diversity.coverage.measure(asked))
        if not (quick and self._scenes is not None and (self._scenes[photographs] >= 0).all()):
            self._scenes = self._once("scenes", keepers.tobytes(), lambda: self._found_scenes(keepers))
        scenes = self._scenes[photographs]
        asked = inputs.coverage_inputs(analysis, settings.preset, settings.mirror_ok, scenes)
        return replace(analysis, coverage=diversity.coverage.measure(asked))

    def _found_scenes(self, keepers: Rows) -> Rows:
        """The scene of each row's photograph, int [N]; -1 for rows that do not count."""
        import numpy as np

        from curate import diversity, features

        embeddings = self.found.features.embeddings
        counted, photographs = keepers >= 0, np.flatnonzero(keepers == np.arange(len(keepers)))
        scenes = np.full(len(embeddings), -1, dtype=np.intp)
        scenes[photographs] = diversity.scenes.clusters(
            features.Selected(embeddings, photographs), self.found.model.half_similarity
        )
        scenes[counted] = scenes[keepers[counted]]
        return scenes
