"""View and framing from a caption's words and booru tags.

The tags and what they mean are those of Danbooru's wiki (danbooru.donmai.us/wiki_pages/tag_group:image_composition):
"portrait" ends at the shoulders, "upper_body" at the waist, "cowboy_shot" at mid-thigh. A word knows no left and right,
so a side view has an aspect and no yaw.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from curate.features.views.base import ASPECT_DEG, Aspect, Evidence, Reading

if TYPE_CHECKING:
    from collections.abc import Mapping

    from curate.records import Framing

NAME = "captions"
ERROR_DEG = 20.0  # half of the angles that people call by one of these words
CERTAINTY = 0.85  # that a caption that names a view names the right one
DRAWN_CERTAINTY = 0.95  # tags of drawn pictures are what their search runs on, so they are kept well
TILT_DEG = 30.0  # that "from above" stands for

# Phrases; within one, "_" and "-" are blanks. A phrase counts where a comma, an end, a stop, or "of" or "and" follows,
# so that "from behind a tree" and "in front of" say nothing of the view.
ASPECTS: Mapping[str, Aspect] = {
    "front view": "front",
    "frontal view": "front",
    "from the front": "front",
    "from front": "front",
    "straight on": "front",
    "facing viewer": "front",
    "facing the viewer": "front",
    "facing the camera": "front",
    "facing camera": "front",
    "three quarter view": "three_quarter",
    "three quarters view": "three_quarter",
    "3/4 view": "three_quarter",
    "side view": "side",
    "from side": "side",
    "from the side": "side",
    "profile": "side",
    "profile view": "side",
    "in profile": "side",
    "side profile": "side",
    "from behind": "back",
    "from the back": "back",
    "from back": "back",
    "back view": "back",
    "rear view": "back",
    "view from behind": "back",
    "seen from behind": "back",
    "facing away": "back",
}
PITCHES: Mapping[str, float] = {
    "from above": TILT_DEG,
    "high angle": TILT_DEG,
    "high angle shot": TILT_DEG,
    "bird's eye view": 60.0,
    "from below": -TILT_DEG,
    "low angle": -TILT_DEG,
    "low angle shot": -TILT_DEG,
    "worm's eye view": -60.0,
}
FRAMING_WORDS: Mapping[str, Framing] = {
    "close up": "close_up",
    "closeup": "close_up",
    "close up portrait": "close_up",
    "close up shot": "close_up",
    "face focus": "close_up",
    "headshot": "close_up",
    "head shot": "close_up",
    "portrait": "close_up",
    "upper body": "upper_body",
    "upper body shot": "upper_body",
    "half body": "upper_body",
    "bust": "upper_body",
    "bust shot": "upper_body",
    "waist up": "upper_body",
    "medium shot": "upper_body",
    "cowboy shot": "three_quarter",
    "three quarter shot": "three_quarter",
    "knee up": "three_quarter",
    "knees up": "three_quarter",
    "full body": "full_body",
    "full body shot": "full_body",
    "full length": "full_body",
    "wide shot": "full_body",
    "very wide shot": "full_body",
    "long shot": "full_body",
}
ONLY_AS_TAG = frozenset({"profile", "portrait", "bust", "close up"})  # a sentence uses them for other things
TURNED_BACK = ("looking back", "looking over shoulder", "looking over her shoulder", "looking over his shoulder")
# the body is seen from behind, the face is not
DRAWN = re.compile(
    r"\b(\d\+?(girl|boy)s?|solo focus|anime|manga|comic|illustration|drawing|chibi|furry|official art)\b"
)
SCORES = ("score 9", "masterpiece", "source anime")  # quality tags of drawn sets (Pony, NovelAI)
_END = r"(?=\s*(?:$|[,.;:!?()\[\]|\n]|\bof\b|\band\b|\bshot\b|\bportrait\b))"
_START = r"(?:^|(?<=[\s,.;:!?()\[\]|]))"


def read(evidence: Evidence) -> Reading | None:
    """What the caption says; None if it says nothing of view or framing."""
    text = _even(evidence.caption or "")
    if not text:
        return None
    turned = any(phrase in text for phrase in TURNED_BACK)
    aspects = {aspect for phrase, aspect in ASPECTS.items() if _says(text, phrase)}
    aspect = aspects.pop() if len(aspects) == 1 and not turned else None
    pitches = {pitch for phrase, pitch in PITCHES.items() if _says(text, phrase)}
    framings = [framing for phrase, framing in FRAMING_WORDS.items() if _says(text, phrase)]
    framing = framings[0] if len(set(framings)) == 1 else None
    if aspect is None and framing is None and len(pitches) != 1:
        return None
    sure = DRAWN_CERTAINTY if is_drawn(evidence) else CERTAINTY
    return Reading(
        source=NAME,
        yaw_deg=ASPECT_DEG[aspect] if aspect in ("front", "back") else None,
        yaw_error_deg=ERROR_DEG,
        aspect=aspect,
        pitch_deg=pitches.pop() if len(pitches) == 1 else None,
        certainty=sure,
        framing=framing,
        framing_confidence=sure if framing else 0.0,
    )


def is_drawn(evidence: Evidence) -> bool:
    """Whether the caption is one of a drawn picture, on which networks that learnt photographs guess."""
    text = _even(evidence.caption or "")
    return DRAWN.search(text) is not None or any(tag in text for tag in SCORES)


def _even(caption: str) -> str:
    """Lower case, with "_" and "-" as blanks and one blank at a time; emphasis "(from behind:1.2)" loses its number."""
    text = re.sub(r":\d+(\.\d+)?\)", ")", caption.lower()).replace("\\", "")
    return re.sub(r"[ \t]+", " ", re.sub(r"[_\-‐-―]", " ", text)).strip()


def _says(text: str, phrase: str) -> bool:
    if phrase not in text:
        return False
    if phrase in ONLY_AS_TAG:
        return re.search(rf"(?:^|[,(\n])\s*{re.escape(phrase)}\s*(?:$|[,)\n])", text) is not None
    return re.search(_START + re.escape(phrase) + _END, text) is not None
