"""What the set is worth: three sentences and five numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from curate.pages.report.material import Material, Section
from curate.pages.report.text import plural, sentence

WORDS = {
    "under_trained": "too few to learn it",
    "sound": "which is sound",
    "risk": "which risks overfitting",
    "overfit_likely": "so overfitting is likely",
    "uncertain": "and whether that is too often is uncertain",
}
NAMED = 3  # gaps
TONES = {"sound": "good", "under_trained": "warn", "risk": "warn", "overfit_likely": "bad", "uncertain": "warn"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One of the five numbers."""

    value: str
    name: str
    note: str
    tone: str = ""  # good, warn, bad


def section(material: Material) -> Section:
    scan, planned = material.scan, material.planned
    return Section(
        name="verdict",
        title="Verdict",
        template="verdict.html",
        data={
            "folder": material.folder,
            "sentences": [_holds(material), _views(scan), _planned(planned, material.inputs.no_plan)],
            "figures": _figures(scan, planned),
            "cautions": _cautions(scan),
        },
    )


def _holds(material: Material) -> str:
    scan, out, yours = material.scan, material.copies_out, material.yours_out
    held = scan["diversity"]
    if not scan["pictures"]:
        broken = len(scan["broken"])
        return f"No picture can be read; {plural(broken, 'file')} {'is' if broken == 1 else 'are'} broken."
    different = plural(held["photographs"], "different photograph")
    text = f"{plural(held['files'], 'picture')} show {different}"
    if not held["measured"]:
        text += "; how many effective images they are worth was not measured"
    elif held["files"] > 1:
        text += f", worth {'at least' if held['at_least'] else 'about'} {held['effective_images']:.1f} effective images"
    else:
        text = "1 picture, worth 1 effective image at most"
    if out:
        text += f"; {plural(out, 'copy').replace('copys', 'copies')} can be left out"
    if yours:
        text += f"; you left out {plural(yours, 'picture')}"
    return f"{text}."


def _views(scan: dict[str, Any]) -> str:
    found = scan["coverage"]
    if found is None or (not found["measured"] and "not measured" not in found["headline"]):
        return "Which views it shows was not measured."
    if not found["measured"] or not found["views_wanted"]:
        return sentence(found["headline"])
    seen, wanted, gaps = found["views_seen"], found["views_wanted"], found["gaps"]
    text = f"The set shows {seen} of {wanted} views"
    missing = [gap["name"] for gap in gaps if gap["missing"]]
    thin = [gap["name"] for gap in gaps]
    if missing:
        return f"{text}; {'missing' if len(missing) <= NAMED else 'missing above all'}: {', '.join(missing[:NAMED])}."
    return f"{text}; thinnest: {', '.join(thin[:2])}." if thin else f"{text} and lacks none."


def _planned(planned: dict[str, Any] | None, why: str) -> str:
    if planned is None:
        return sentence(f"No plan was made: {why[:1].lower()}{why[1:]}" if why else "No plan was made")
    schedule, seen = planned["plan"], planned["exposures"]["per_effective_image"]
    each = "picture" if planned["effective_images"] is None else "effective image"
    return (
        f"{plural(schedule['steps'], 'step')} with {schedule['trainer']} show each {each} "
        f"{plural(round(seen), 'time')}, {_word(planned)}."
    )


def _word(planned: dict[str, Any]) -> str:
    """What to think of the exposures. Within the cap, but with too few samples to learn from, they are not sound."""
    if planned["verdict"] == "sound" and planned["window_empty"]:
        return "as often as so few pictures bear, yet too seldom to learn much"
    return WORDS[planned["verdict"]]


def _figures(scan: dict[str, Any], planned: dict[str, Any] | None) -> list[Figure]:
    held, found = scan["diversity"], scan["coverage"]
    known = bool(found and found["measured"] and found["views_wanted"])
    figures = [
        Figure(value=f"{held['files']:,}", name="files", note="pictures that can be read"),
        Figure(value=f"{held['photographs']:,}", name="photographs", note="after proved copies are folded"),
        _worth(scan),
        Figure(
            value=f"{found['views_seen']} of {found['views_wanted']}" if known else "–",
            name="views",
            note=f"as the preset {found['preset']} asks for" if known else "not measured",
            tone="warn" if known and found["views_seen"] < found["views_wanted"] else "",
        ),
    ]
    if planned is None:
        return [*figures, Figure(value="–", name="exposures", note="no plan was made")]
    low, high = planned["range"]["sound"]
    figures.append(
        Figure(
            value=f"{planned['exposures']['per_effective_image']:,.0f}",
            name="exposures",
            note="no number of steps is sound" if planned["window_empty"] else f"sound is {low:.0f} to {high:.0f}",
            tone="warn" if planned["window_empty"] and planned["verdict"] == "sound" else TONES[planned["verdict"]],
        )
    )
    return figures


def _worth(scan: dict[str, Any]) -> Figure:
    held, name = scan["diversity"], "effective images"
    if not held["measured"]:
        return Figure(value="–", name=name, note="not measured")
    note = f"{held['low']:.1f} to {held['high']:.1f}" if scan["model"]["calibrated"] else "a hint, not calibrated"
    return Figure(value=f"{held['effective_images']:.1f}", name=name, note=note)


def _cautions(scan: dict[str, Any]) -> list[str]:
    cautions = [sentence(note) for note in scan["notes"]]
    if scan["diversity"]["measured"] and not scan["model"]["calibrated"]:
        cautions.insert(
            0,
            "The model is not calibrated: it cannot tell a new view from a copy, so the effective images are a hint.",
        )
    if scan["diversity"]["kernel_limited"]:
        cautions.append(
            "The model sees all of these pictures as much alike, and that holds the number of effective images down: "
            "read it as a lower bound."
        )
    return cautions
