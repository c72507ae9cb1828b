"""What the trainer will do: what to set, exposures against steps, buckets, remedies, saved files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from curate.pages.report import exposures
from curate.pages.report.material import Material, Section
from curate.pages.report.text import plural, sentence

VERDICTS = {
    "under_trained": "under-trained",
    "sound": "sound",
    "risk": "a risk of overfitting",
    "overfit_likely": "overfitting is likely",
    "uncertain": "uncertain",
}
LISTED = 8  # saved files shown
MOST = 48  # pictures shown of those that a trainer treats in one way


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One line of what to set, by the trainer's own name."""

    name: str
    value: str
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    width: int  # px
    height: int  # px
    entries: int  # an epoch
    share: float  # of the fullest bucket, 0-1
    box: tuple[float, float]  # its shape within a square of 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """One thing that the trainer does to pictures."""

    title: str
    count: int
    pictures: tuple[tuple[int | None, str, str], ...]  # row, path, how much


def section(material: Material) -> Section:
    from curate.plan import constants

    planned = material.planned
    data: dict[str, Any] = {"planned": planned, "no_plan": sentence(material.inputs.no_plan)}
    if planned is not None:
        data |= {
            "words": VERDICTS,
            "verdict": _verdict(planned),
            "settings": _settings(planned),
            "chart": exposures.chart(planned, constants.FAR_OVER),
            "buckets": _buckets(planned),
            "effects": _effects(material, planned["treatments"]),
            "mind": [sentence(text) for text in (*planned["warnings"], *planned["traps"])],
            "saves": _saves(planned),
            "as_they_lie": _as_they_lie(planned),
        }
    return Section(
        name="plan",
        title="Plan",
        template="plan.html",
        data=data,
        note=plural(planned["plan"]["steps"], "step") if planned else "",
    )


def _verdict(planned: dict[str, Any]) -> str:
    if planned["verdict"] == "uncertain":
        return " or ".join(VERDICTS[word] for word in planned["verdict_between"])
    return VERDICTS[planned["verdict"]]


def _settings(planned: dict[str, Any]) -> list[Setting]:
    from curate import trainers

    schedule, chosen = planned["plan"], planned["settings"]
    names = trainers.get(schedule["trainer"]).fields
    each = schedule["subset_repeats"]
    if schedule["trainer"] == "simpletuner":  # it counts the passes beyond the first
        repeats = Setting(
            name=names.repeats, value=f"{schedule['repeats'] - 1:g}", note=f"extra; {schedule['repeats']:g} in all"
        )
    elif len(set(each)) > 1:
        repeats = Setting(
            name=names.repeats, value=", ".join(f"{one:g}" for one in each), note="in the order of the folders"
        )
    else:
        repeats = Setting(
            name=names.repeats, value=f"{schedule['repeats']:g}", note="passes over the pictures an epoch"
        )
    epochs, limit = schedule["epochs"], schedule["max_steps"]
    if limit is not None:
        length = Setting(name=names.steps, value=f"{limit:,}", note=f"{plural(epochs, 'epoch')}, the last one cut")
    elif names.epochs:
        length = Setting(name=names.epochs, value=f"{epochs}", note=f"{schedule['batches_per_epoch']:,} batches each")
    else:
        length = Setting(name=names.steps, value=f"{schedule['steps']:,}", note=plural(epochs, "epoch"))
    size = chosen["resolution"]
    side = "×".join(f"{one:g}" for one in size) if isinstance(size, (list, tuple)) else f"{size:g}"
    rows = [
        repeats,
        length,
        Setting(name=names.batch_size, value=f"{schedule['batch_size']}"),
        Setting(name="resolution", value=side, note=f"px, for {chosen['base']}"),
        Setting(name="learning rate", value=f"{chosen['learning_rate']:g}", note=f"rank {chosen['rank']}"),
        Setting(name=names.save_every or "save every", value=f"{schedule['save_every']}"),
    ]
    if chosen["gradient_accumulation"] > 1:
        rows.insert(3, Setting(name=names.accumulation, value=f"{chosen['gradient_accumulation']}"))
    return rows


def _buckets(planned: dict[str, Any]) -> list[Bucket]:
    found = sorted(planned["buckets"], key=lambda one: (-one["entries"], -one["width"], one["height"]))
    most = max((one["entries"] for one in found), default=1)
    return [
        Bucket(
            width=one["width"],
            height=one["height"],
            entries=one["entries"],
            share=one["entries"] / most,
            box=(one["width"] / max(one["width"], one["height"]), one["height"] / max(one["width"], one["height"])),
        )
        for one in found
    ]


def _effects(material: Material, treatments: list[dict[str, Any]]) -> list[Effect]:
    """What the trainer does to pictures, and to which: the worst first. A picture may stand under several."""
    from curate.plan.constants import CROPPED

    taken = [one for one in treatments if one["bucket"] is not None]
    kinds = (
        ("Refused", [one for one in treatments if one["bucket"] is None], "", ""),
        ("Dropped, times an epoch", [one for one in taken if one["dropped"]], "dropped", "{:.3g}"),
        ("Doubled to fill a batch, times an epoch", [one for one in taken if one["padded"]], "padded", "{:.3g}"),
        (
            f"Cropped by more than {CROPPED:.0%}",
            [one for one in taken if one["cropped"] > CROPPED],
            "cropped",
            "{:.0%}",
        ),
        ("Enlarged", [one for one in taken if one["scale"] > 1], "scale", "× {:.2f}"),
    )
    return [
        Effect(
            title=title.replace("%", " %"),
            count=len(found),
            pictures=tuple(
                (material.rows.get(one["path"]), one["path"], form.format(one[key]) if key else "")
                for one in sorted(found, key=lambda one: (-one.get(key, 0.0), one["path"]))[:MOST]
            ),
        )
        for title, found, key, form in kinds
        if found
    ]


def _saves(planned: dict[str, Any]) -> list[dict[str, Any]]:
    """The saved files, those to look at first among them; of many the nearest."""
    saves: list[dict[str, Any]] = planned["checkpoints"]
    first = next((at for at, one in enumerate(saves) if one["look_first"]), 0)
    start = max(0, min(first - LISTED // 2, len(saves) - LISTED))
    return saves[start : start + LISTED]


def _as_they_lie(planned: dict[str, Any]) -> str:
    lying = planned["as_they_lie"]
    if lying is None:
        return ""
    often = planned["plan"]["samples"] / lying["sampled_diversity"]
    return (
        f"This plan is for the cleaned set. Trained as they lie, the {plural(lying['files'], 'file')} would act like "
        f"{lying['sampled_diversity']:.1f} different pictures, each seen {plural(round(often), 'time')}."
    )
