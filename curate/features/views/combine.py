"""One view from what all sources say. The rules, in order:

| what                                              | yaw                                         |
|---------------------------------------------------|---------------------------------------------|
| the user said it                                  | the user's                                  |
| the caption of a drawn picture names front or back| the caption's: networks learnt photographs  |
| a trusted face                                    | the face's                                  |
| a body that says back                             | the body's                                  |
| a caption that names front or back                | the caption's                               |
| a caption that names a side, and left and right   | 40 or 90 degrees                            |
|   count as one                                    |                                             |
| CLIP, with a clear lead                           | CLIP's                                      |
| none of these                                     | not known                                   |

Pitch and roll come with the yaw, from the same source, or pitch from the caption where the networks have none; framing
from the source that is surest of it. Where a caption and the pixels disagree, the pixels stand (but for drawn pictures)
and the disagreement is a note. A caption that agrees makes the answer surer.
"""

from __future__ import annotations

from curate.features.views import body, captions, clip, face
from curate.features.views.base import ASPECT_DEG, BIN_DEG, Correction, Estimator, Evidence, Reading, wrapped
from curate.records import FRAMINGS, View

ESTIMATORS: tuple[Estimator, ...] = (face, body, captions, clip)
AGREES_DEG = (
    35.0  # most that |yaw| may be off the caption's word before they disagree; half the span of a word and more
)
AGREEMENT = 0.5  # share of the doubt that is left where the caption agrees
USER = "user"


def combine(evidence: Evidence, *, correction: Correction | None = None, mirror_ok: bool = False) -> View:
    """The picture's view. `mirror_ok`: left and right count as one, so that a mere "side view" is known too."""
    readings = {one.source: one for one in (estimator.read(evidence) for estimator in ESTIMATORS) if one is not None}
    chosen = _chosen(readings, drawn=captions.is_drawn(evidence), mirror_ok=mirror_ok)
    said = readings.get(captions.NAME)
    notes = [note for one in readings.values() for note in one.notes]
    confidence = chosen.confidence if chosen else 0.0
    sources = [chosen.source] if chosen else []
    seen = chosen if chosen is not said else _seen(readings)
    if chosen and said and said.aspect and seen and seen.yaw_deg is not None:
        if _agree(seen.yaw_deg, said):
            confidence = 1.0 - (1.0 - confidence) * AGREEMENT
            sources.append(seen.source if chosen is said else said.source)
        else:
            turned = f"the {seen.source} is turned by {abs(seen.yaw_deg):.0f}°"
            notes.append(f"the caption says {_word(said.aspect)}, {turned}: correct one of them")
    if said and said is not chosen and said.aspect in ("three_quarter", "side") and chosen is None:
        notes.append(f"the caption says {_word(said.aspect)}, but not to which side")
    framing = max(readings.values(), key=lambda one: one.framing_confidence, default=None)
    if framing and framing.framing is None:
        framing = None
    if framing and said and said.framing and framing.framing and _steps(framing.framing, said.framing) > 1:
        notes.append(f"the caption says {_word(said.framing)}, the picture looks like {_word(framing.framing)}")
    if framing and framing.source not in sources:
        sources.append(framing.source)
    tilt = chosen if chosen and chosen.pitch_deg is not None else said
    view = View(
        yaw_deg=chosen.yaw_deg if chosen else None,
        pitch_deg=tilt.pitch_deg if tilt else None,
        roll_deg=chosen.roll_deg if chosen else None,
        confidence=confidence,
        framing=framing.framing if framing else None,
        framing_confidence=framing.framing_confidence if framing else 0.0,
        sources=tuple(sources),
        notes=tuple(notes),
    )
    return _corrected(view, correction) if correction else view


def _chosen(readings: dict[str, Reading], *, drawn: bool, mirror_ok: bool) -> Reading | None:
    """The reading whose yaw counts; None if no source knows it."""
    said = readings.get(captions.NAME)
    if said and said.yaw_deg is None and said.aspect and mirror_ok:
        said = Reading(
            source=said.source,
            yaw_deg=ASPECT_DEG[said.aspect],
            yaw_error_deg=said.yaw_error_deg,
            pitch_deg=said.pitch_deg,
            certainty=said.certainty,
        )
    order = [readings.get(face.NAME), readings.get(body.NAME), said, readings.get(clip.NAME)]
    if drawn:
        order.insert(0, said)
    return next((one for one in order if one is not None and one.yaw_deg is not None), None)


def _seen(readings: dict[str, Reading]) -> Reading | None:
    """What the networks say of the yaw."""
    known = (readings.get(face.NAME), readings.get(body.NAME))
    return next((one for one in known if one is not None and one.yaw_deg is not None), None)


def _agree(yaw_deg: float, said: Reading) -> bool:
    return said.aspect is not None and abs(abs(yaw_deg) - ASPECT_DEG[said.aspect]) <= AGREES_DEG


def _steps(one: str, other: str) -> int:
    names: tuple[str, ...] = FRAMINGS
    return abs(names.index(one) - names.index(other))


def _word(name: str) -> str:
    return {"back": "from behind", "side": "side view", "front": "front view", "three_quarter": "three-quarter"}.get(
        name, name.replace("_", " ")
    )


def _corrected(view: View, correction: Correction) -> View:
    yaw = view.yaw_deg if correction.yaw_deg is None else wrapped(correction.yaw_deg)
    return View(
        yaw_deg=yaw,
        pitch_deg=view.pitch_deg if correction.pitch_deg is None else correction.pitch_deg,
        roll_deg=view.roll_deg,
        confidence=view.confidence if correction.yaw_deg is None else 1.0,
        framing=correction.framing or view.framing,
        framing_confidence=1.0 if correction.framing else view.framing_confidence,
        sources=(USER, *(source for source in view.sources if source != USER)),
        notes=() if correction.yaw_deg is not None else view.notes,
    )


__all__ = ["AGREES_DEG", "BIN_DEG", "ESTIMATORS", "combine"]
