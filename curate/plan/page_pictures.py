"""The page's section on what the trainer does to the pictures: buckets, pictures by name, traps."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from curate.plan.constants import CROPPED
from curate.plan.records import Plan, Treatment
from curate.plan.traps import traps
from curate.plan.wording import NAMED, plural, shown

LISTED = 12  # buckets listed before "and n more"
IN_A_ROW = 4  # buckets


def pictures(plan: Plan) -> Iterator[str]:
    buckets = sorted(plan.steps.buckets.items(), key=lambda item: -item[1])
    besides = ", regularisation included" if _with_regularisation(plan) else ""
    yield f"  {plural(len(buckets), 'bucket')} (width x height in px: entries an epoch{besides}):"
    entries = [f"{w}x{h}: {n}" for (w, h), n in buckets[:LISTED]]
    for row in range(0, len(entries), IN_A_ROW):
        yield "    " + "".join(f"{text:<18}" for text in entries[row : row + IN_A_ROW]).rstrip()
    if len(buckets) > LISTED:
        yield f"    and {len(buckets) - LISTED} more"
    yield from _named("refused", (t for t in plan.treatments if t.bucket is None), lambda t: "")
    yield from _named("dropped", _most(plan, "dropped"), lambda t: f" {t.dropped:.3g} an epoch")
    yield from _named("doubled to fill a batch", _most(plan, "padded"), lambda t: f" {t.padded:.3g} an epoch")
    yield from _named("enlarged", _most(plan, "scale", 1), lambda t: f" ×{t.scale:.2f}")
    yield from _named(
        f"cropped by more than {CROPPED:.0%}", _most(plan, "cropped", CROPPED), lambda t: f" {t.cropped:.0%}"
    )
    for text in (*plan.warnings, *traps(plan)):
        yield f"  – {text}"


def _with_regularisation(plan: Plan) -> bool:
    """Whether the buckets hold regularisation too: some trainers keep it in a list of its own."""
    steps = plan.steps
    own = sum(steps.buckets.values()) - sum(steps.dropped.values()) + sum(steps.padded.values())
    return round(own) > steps.samples_per_epoch - steps.regularisation_per_epoch


def _most(plan: Plan, what: str, above: float = 0) -> list[Treatment]:
    found = [t for t in plan.treatments if t.bucket and getattr(t, what) > above]
    return sorted(found, key=lambda t: -getattr(t, what))


def _named(what: str, found: Iterable[Treatment], note: Callable[[Treatment], str]) -> Iterator[str]:
    concerned = list(found)
    if not concerned:
        return
    names = ", ".join(shown(t.path) + note(t) for t in concerned[:NAMED])
    rest = f" and {len(concerned) - NAMED} more" if len(concerned) > NAMED else ""
    yield f"  {len(concerned)} {what}: {names}{rest}"
