"""The folders of a trainer's configuration, found again in the folder that was scanned, with their repeats.

A configuration may have been written on another machine, so folders are compared by the end of their paths: a picture
belongs to the folder of the configuration that its own folder, or the nearest one above it, shares most names with,
the last one at least. Folders that are not found, and pictures that no folder holds, are named.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from itertools import takewhile

from curate.pictures import is_laid_out
from curate.plan.records import ConfigSubset, LaidOut, PlanInputs, PlanSettings, RegularisationSet
from curate.plan.wording import listed, shown

NOWHERE = -1  # a picture that no folder of the configuration holds


def by_config(inputs: PlanInputs) -> PlanInputs:
    """The set in the folders of `settings.config_subsets`, each with its repeats; unchanged where there are none."""
    wanted = inputs.settings.config_subsets
    if not wanted:
        return inputs
    folders = [path.rpartition("/")[0] for path in inputs.paths]
    known = {folder: _home(inputs.folder, folder, wanted) for folder in set(folders)}
    homes = [known[folder] for folder in folders]
    found = {at for at in homes if at != NOWHERE and not wanted[at].regularisation}
    if not found:
        return _none_found(inputs)
    beside, used = _beside(inputs.regularisation, wanted)
    lost = [_name(one) for at, one in enumerate(wanted) if at not in {*homes, *used}]
    turned = sorted({_name(wanted[at]) for at in homes if at != NOWHERE and wanted[at].regularisation})
    homeless = [path for path, at in zip(inputs.paths, homes, strict=True) if at == NOWHERE]
    notes = []
    if lost:
        notes.append(f"Folders of the configuration that are not in this one: {listed(lost)}.")
    if homeless:
        notes.append(f"In no folder of the configuration, counted with their own repeats: {listed(homeless)}.")
    notes += [f"{one} is regularisation in the configuration: give --regularisation {one} to say so." for one in turned]
    if for_export(inputs.settings) is not inputs.settings and len({wanted[at].repeats for at in found}) > 1:
        notes.append(
            "curate export puts plain folders together, with one number of repeats; those like 10_sks keep theirs."
        )
    return replace(
        inputs,
        subsets=tuple(_split(inputs, homes)),
        regularisation=beside,
        notes=(*inputs.notes, *notes),
    )


def for_export(settings: PlanSettings) -> PlanSettings:
    """The settings to remember for an export, which lays out pictures of plain folders together: their repeats go."""
    kept = all(is_laid_out(_parts(one.path)[-1]) for one in settings.config_subsets if _parts(one.path))
    return settings if kept else replace(settings, config_subsets=())


def _none_found(inputs: PlanInputs) -> PlanInputs:
    settings, first = inputs.settings, inputs.settings.config_subsets[0]
    note = "None of the configuration's folders is in this one"
    if settings.epochs is not None and settings.repeats is None:
        settings = replace(settings, repeats=first.repeats)
        note += f": the repeats of its first, {first.repeats:g}, count for all"
    return replace(inputs, settings=replace(settings, config_subsets=()), notes=(*inputs.notes, f"{note}."))


def _home(scanned: str, folder: str, wanted: Sequence[ConfigSubset]) -> int:
    """Which folder of the configuration the pictures of a folder below the scanned one lie in."""
    root, below = _parts(scanned), _parts(folder)
    for depth in range(len(below), -1, -1):
        shared = [_shared([*root, *below[:depth]], _parts(one.path)) for one in wanted]
        if max(shared):
            return shared.index(max(shared))
    return NOWHERE


def _shared(a: Sequence[str], b: Sequence[str]) -> int:
    """How many names two paths have in common at their end."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(reversed(a), reversed(b), strict=False)))


def _parts(path: str) -> list[str]:
    return [part for part in path.replace("\\", "/").split("/") if part not in ("", ".")]


def _name(one: ConfigSubset) -> str:
    return shown((_parts(one.path) or ["a folder without a path"])[-1])


def _split(inputs: PlanInputs, homes: Sequence[int]) -> list[LaidOut]:
    """The scanned subsets, each split where the configuration has several folders for it."""
    wanted = inputs.settings.config_subsets
    found = []
    for part in inputs.subsets or (LaidOut(pictures=tuple(range(len(inputs.sizes)))),):
        rows: dict[int, list[int]] = defaultdict(list)
        for row in part.pictures:
            at = homes[row]
            rows[NOWHERE if at != NOWHERE and wanted[at].regularisation else at].append(row)
        for at, members in sorted(rows.items()):
            repeats = part.repeats if at == NOWHERE else wanted[at].repeats
            name = part.name if len(rows) == 1 or at == NOWHERE else _name(wanted[at])
            found.append(LaidOut(pictures=tuple(members), repeats=_whole(repeats), name=name))
    return found


def _beside(
    sets: Sequence[RegularisationSet], wanted: Sequence[ConfigSubset]
) -> tuple[tuple[RegularisationSet, ...], set[int]]:
    """Regularisation pictures with the configuration's repeats, and which of its folders these were."""
    found, used = [], set()
    for one in sets:
        names = set(_parts(one.name))
        for at, subset in enumerate(wanted):
            if subset.regularisation and _parts(subset.path) and _parts(subset.path)[-1] in names:
                one = replace(one, repeats=_whole(subset.repeats))
                used.add(at)
                break
        found.append(one)
    return tuple(found), used


def _whole(repeats: float) -> float:
    return int(repeats) if repeats == int(repeats) else repeats
