"""What the page sends -> records. Whatever is not expected is a ValueError, whatever is not there a LookupError."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, get_args

from curate.decisions import Decision
from curate.output import LAYOUTS
from curate.pages.review.document import LONGEST
from curate.pages.review.ids import Ids
from curate.plan import PlanSettings
from curate.plan.constants import Preset
from curate.records import FRAMINGS, Analysis, View
from curate.trainers import BASES, TRAINERS

MOST = 50_000  # decisions a request
_NUMBERS: dict[str, tuple[float, float]] = {  # least and most of what may be set
    "target_steps": (1, 10_000_000),
    "epochs": (1, 100_000),
    "batch_size": (1, 4096),
    "resolution": (64, 8192),  # px
    "gradient_accumulation": (1, 4096),
    "processes": (1, 1024),
    "rank": (1, 4096),
    "learning_rate": (1e-9, 10),
}
_WHOLE = frozenset(_NUMBERS) - {"learning_rate"}
_TEXTS = ("trainer", "base", "preset", "optimizer")


def choices() -> dict[str, list[str]]:
    """What the page may offer."""
    return {
        "trainer": list(TRAINERS),
        "base": list(BASES),
        "preset": list(get_args(Preset)),
        "layout": list(LAYOUTS),
        "framing": list(FRAMINGS),
    }


def decision_of(values: Any, analysis: Analysis, ids: Ids) -> Decision:
    """One decision, of {"kind", "id"} and what its kind needs: "other" (an id), "text" or "view"."""
    if not isinstance(values, dict):
        raise ValueError("expected a decision")
    kind, row = values.get("kind"), ids.row(values.get("id"))
    picture = analysis.catalog.pictures[row]
    fields: dict[str, Any] = {"kind": kind, "digest": picture.digest}
    if kind in ("keep", "leave_out", "keeper", "caption"):
        fields["path"] = picture.path
    if kind == "caption":
        fields["text"] = text(values.get("text"), LONGEST)
    if kind == "not_a_copy":
        fields["other"] = analysis.catalog.pictures[ids.row(values.get("other"))].digest
    if kind == "view":
        fields["view"] = _view(values.get("view"))
    return Decision(**fields)


def text(value: Any, most: int) -> str:
    """A text that can be written to a file. Raises ValueError."""
    if not isinstance(value, str) or len(value) > most:
        raise ValueError(f"expected a text of at most {most} characters")
    return "".join(c for c in value if c in "\n\t" or ord(c) >= 32).encode("utf-8", "replace").decode("utf-8")


def plan_settings(values: Mapping[str, Any], before: PlanSettings) -> PlanSettings:
    """The budget with what the page set; whoever sets epochs sets no steps, and the other way round."""
    changes: dict[str, Any] = {}
    for name, value in values.items():
        if name in _TEXTS:
            changes[name] = text(value, 60)
        elif name == "batch_size" and value == "auto":
            changes[name] = value
        elif name in _NUMBERS and (value is not None or name in ("target_steps", "epochs", "resolution")):
            changes[name] = None if value is None else _number(name, value)
        else:
            raise ValueError(f"{str(name)[:40]!r} cannot be set here")
    if changes.get("target_steps") is not None:
        changes["epochs"] = None
    elif changes.get("epochs") is not None:
        changes["target_steps"] = None
    return replace(before, **changes)


def _number(name: str, value: Any) -> float | int:
    least, most = _NUMBERS[name]
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value <= most:
        raise ValueError(f"{name}: expected a number from {least:g} to {most:g}")
    return int(value) if name in _WHOLE else float(value)


def _view(values: Any) -> View:
    if not isinstance(values, dict):
        raise ValueError("expected a view")
    numbers: dict[str, float | None] = {}
    for name in ("yaw_deg", "pitch_deg", "roll_deg"):
        value = values.get(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, (int, float))):
            raise ValueError(f"{name}: expected degrees")
        numbers[name] = value
    framing = values.get("framing")
    return View(**numbers, framing=framing, sources=("user",), confidence=1.0)  # type: ignore[arg-type]
