"""An analysis as the plan and the export want it: which pictures, in which subsets, drawn how often."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from curate.errors import ModelError
from curate.records import Analysis, Catalog, Gap, Group, Subjects, View

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from curate.diversity import CoverageInputs
    from curate.output import Values
    from curate.plan import AsTheyLie, Concerned, LaidOut, Plan, PlanInputs, PlanSettings


def keeper_of_row(catalog: Catalog, groups: tuple[Group, ...], kept: Sequence[bool] | None = None) -> NDArray[np.intp]:
    """The row that stands for each picture's photograph, int [N]; -1 for regularisation pictures, and with `kept` for
    photographs of which no file is kept."""
    import numpy as np

    rows = np.arange(len(catalog.pictures))
    for group in groups:
        if group.kind != "lookalike":
            rows[[member.row for member in group.members]] = group.keeper
    if kept is not None:
        rows[~np.isin(rows, rows[list(kept)])] = -1
    rows[[picture.role == "regularisation" for picture in catalog.pictures]] = -1
    return rows


def order(catalog: Catalog) -> NDArray[np.intp]:
    """Rows in an order that depends on the pictures alone, so that equal sets give equal numbers."""
    import numpy as np

    pictures = catalog.pictures
    return np.array(sorted(range(len(pictures)), key=lambda row: (pictures[row].digest, pictures[row].path)), np.intp)


def subset(catalog: Catalog, row: int) -> str:
    """The subset that a picture belongs to; plain sub-folders are not subsets."""
    from curate.pictures import is_laid_out

    name = catalog.pictures[row].subset
    return name if is_laid_out(name) else ""


def plan_inputs(analysis: Analysis, settings: PlanSettings, *, advice: bool = True) -> PlanInputs:
    """What a plan needs of an analysis: the pictures that will be trained on, as they are laid out.

    `advice`: with what only the advice of a plan rests on; an export reads the schedule alone, and need not wait.
    """
    import numpy as np

    from curate import diversity
    from curate.plan import LaidOut, PlanInputs, RegularisationSet, by_config

    pictures, facts = analysis.catalog.pictures, analysis.features.facts
    rows = [r for r, p in enumerate(pictures) if analysis.kept[r] and p.role == "subject"]
    subsets: dict[tuple[str, int], list[int]] = {}
    for at, row in enumerate(rows):
        subsets.setdefault((subset(analysis.catalog, row), pictures[row].repeats), []).append(at)
    beside: dict[tuple[str, int], list[int]] = {}
    for row, picture in enumerate(pictures):
        if picture.role == "regularisation":
            beside.setdefault((picture.subset, picture.repeats), []).append(row)
    keepers = keeper_of_row(analysis.catalog, analysis.groups)

    def sampled(shares: Sequence[float]) -> float:
        draws = np.zeros(len(pictures))
        draws[rows] = shares
        u = 1 - analysis.model.half_similarity
        return diversity.sampled_diversity(analysis.features.embeddings, keepers, draws, u, order(analysis.catalog))

    found = PlanInputs(
        sizes=tuple((facts[row].width, facts[row].height) for row in rows),
        effective_images=analysis.diversity.effective_images,
        compared=analysis.diversity.measured,
        low=analysis.diversity.low,
        high=analysis.diversity.high,
        settings=settings,
        paths=tuple(pictures[row].path for row in rows),
        weights=tuple(float(analysis.diversity.weights[row]) for row in rows),
        sampled_diversity=sampled,
        subsets=tuple(LaidOut(pictures=tuple(at), repeats=n, name=name) for (name, n), at in sorted(subsets.items())),
        regularisation=tuple(
            RegularisationSet(sizes=tuple((facts[r].width, facts[r].height) for r in at), repeats=n, name=name or "reg")
            for (name, n), at in sorted(beside.items())
        ),
        folder=analysis.catalog.folder,
    )
    if advice:
        found = replace(
            found,
            subjects=subjects(analysis) if analysis.features.embedded else None,
            as_they_lie=_as_they_lie(analysis, keepers, rows),
            concerned=_concerned(analysis, rows),
            gaps=_gaps(analysis, settings),
        )
    return by_config(found)


def _gaps(analysis: Analysis, settings: PlanSettings) -> tuple[Gap, ...]:
    """The views that the set lacks for this trainer: where it mirrors pictures, left and right count as one."""
    from curate import diversity

    coverage = analysis.coverage
    if coverage is None or not coverage.measured:
        return ()
    flips = settings.flips or bool(settings.options.get("flip_x"))  # ai-toolkit's option, and what other files say
    if flips and not coverage.folded:
        coverage = diversity.coverage.measure(coverage_inputs(analysis, coverage.preset, True))
    return coverage.gaps


def coverage_inputs(
    analysis: Analysis, preset: str, folded: bool, scenes: NDArray[np.intp] | None = None
) -> CoverageInputs:
    """The set as coverage sees it: each photograph of the subject once. `folded`: left and right count as one.
    `scenes`: of these photographs, where they are known already; without embeddings there are none."""
    import numpy as np

    from curate import diversity, features

    pictures = analysis.catalog.pictures
    standing = keeper_of_row(analysis.catalog, analysis.groups, analysis.kept)
    rows = np.flatnonzero(standing == np.arange(len(standing)))
    if scenes is None and analysis.features.embedded:
        scenes = diversity.scenes.clusters(
            features.Selected(analysis.features.embeddings, rows), analysis.model.half_similarity
        )
    return diversity.CoverageInputs(
        views=[_known(analysis.views[row]) for row in rows] if analysis.views else [None] * len(rows),
        weights=analysis.diversity.weights[rows],
        captions=[pictures[row].caption for row in rows],
        scene=scenes,
        preset=preset,
        folded=folded,
    )


def _known(view: View) -> View | None:
    return view if view.sources else None


def _concerned(analysis: Analysis, rows: Sequence[int]) -> Concerned:
    """The pictures that trainers' rules on orientation, transparency and captions concern."""
    from curate.plan import Concerned

    pictures, facts = analysis.catalog.pictures, analysis.features.facts
    return Concerned(
        oriented=tuple(pictures[row].path for row in rows if facts[row].orientation != 1),
        transparent=tuple(pictures[row].path for row in rows if facts[row].has_alpha),
        uncaptioned=tuple(pictures[row].path for row in rows if not (pictures[row].caption or "").strip()),
    )


def subjects(analysis: Analysis) -> Subjects:
    """Whether the pictures that will be trained on may show several subjects; each photograph is looked at once."""
    from curate import diversity

    pictures, embeddings = analysis.catalog.pictures, analysis.features.embeddings
    rows = [row for row, one in enumerate(pictures) if analysis.kept[row] and one.role == "subject"]
    once = {pictures[row].digest: row for row in reversed(rows)}
    looked = sorted(once.values())
    return diversity.subjects.judge(
        diversity.SubjectInputs(
            embeddings=embeddings if len(looked) == len(embeddings) else embeddings[looked],
            u=1 - analysis.model.half_similarity,
            captions=[pictures[row].caption for row in looked],
            paths=[pictures[row].path for row in looked],
            calibrated=analysis.model.calibrated,
        )
    )


def _as_they_lie(analysis: Analysis, keepers: NDArray[np.intp], rows: Sequence[int]) -> AsTheyLie | None:
    """What the folder's own files are to a trainer, by their repeats; None where no file is left out."""
    import numpy as np

    from curate import diversity
    from curate.plan import AsTheyLie

    pictures = analysis.catalog.pictures
    files = [row for row, picture in enumerate(pictures) if picture.role == "subject"]
    if len(files) == len(rows):
        return None
    draws = np.zeros(len(pictures))
    draws[files] = [pictures[row].repeats for row in files]
    u = 1 - analysis.model.half_similarity
    drawn = diversity.sampled_diversity(analysis.features.embeddings, keepers, draws, u, order(analysis.catalog))
    return AsTheyLie(files=len(files), sampled_diversity=drawn)


def export_values(plan: Plan, layout: Sequence[LaidOut]) -> Values:
    """The plan's settings as the export writes them. `layout`: the subsets that it was made for, in their order."""
    from curate.output import Values

    schedule = plan.schedule
    repeats = dict(zip((part.name for part in layout), schedule.subset_repeats, strict=True))
    sound, each = plan.judgement.sound, "effective image" if plan.compared else "picture"
    return Values(
        base=plan.base,
        resolution=plan.resolution,
        batch_size=schedule.batch_size,
        gradient_accumulation=plan.settings.gradient_accumulation,
        processes=plan.settings.processes,
        epochs=schedule.epochs,
        max_steps=schedule.max_steps,
        repeats=repeats.get("", schedule.repeats),
        subset_repeats={name: value for name, value in repeats.items() if name},
        options=plan.options,
        learning_rate=plan.learning_rate,
        rank=plan.settings.rank,
        alpha=plan.settings.alpha,
        optimizer=plan.settings.optimizer,
        save_every=plan.save_every,
        save_unit=plan.save_unit,
        why=(
            f"{schedule.steps} optimizer steps by {plan.trainer}'s own rule; {plan.target_steps or 'no'} asked for",
            worth(plan),
            f"each {each} is seen {plan.exposures.per_effective_image:.0f} times "
            f"({plan.judgement.verdict.replace('_', ' ')}; sound here is {sound[0]:.0f} to {sound[1]:.0f})",
        ),
    )


def require_embeddings(analysis: Analysis, what: str) -> None:
    """Raises ModelError where `what` is asked of an analysis without embeddings."""
    if not analysis.features.embedded:
        raise ModelError(
            "none", f"{what} rests on what a model sees, which was not measured", "Use --model auto, builtin or clip"
        )


def worth(plan: Plan) -> str:
    """What the pictures of a plan are worth, for the notes of an export."""
    low, high = plan.effective_range
    if not plan.compared:
        return f"{plan.pictures} pictures; effective images not measured (--model none)"
    return f"{plan.pictures} pictures, {plan.effective_images:.1f} effective images ({low:.1f} to {high:.1f})"
