"""A plan as one page of plain text. The command line adds colour, and ASCII where a console needs it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from math import log2
from textwrap import wrap

from curate.plan.constants import CROPPED, FAR_OVER, SAMPLES_FLOOR, Verdict
from curate.plan.page_files import saved_files
from curate.plan.records import Plan, Schedule, Treatment
from curate.plan.traps import NAMED, shown, traps
from curate.trainers import get

WORDS: dict[Verdict, str] = {
    "under_trained": "under-trained",
    "sound": "sound",
    "risk": "a risk of overfitting",
    "overfit_likely": "overfitting is likely",
    "uncertain": "uncertain",
}
LISTED = 12  # buckets listed before "and n more"
BAR = 56  # characters
BAR_FROM, BAR_TO = -3.0, 3.0  # powers of two of the cap that the bar spans


def page(plan: Plan, width: int = 80) -> str:
    """The plan in short sections, no line longer than `width` characters."""
    sections = [
        ("Set this", _set_this(plan)),
        ("What happens", _what_happens(plan)),
        ("What the trainer will do to your pictures", _pictures(plan)),
        ("One subject or several", (f"  – {text}" for text in plan.subjects.findings) if plan.subjects else ()),
        ("If it is too often" if plan.judgement.verdict != "under_trained" else "If it is too little", _remedies(plan)),
        ("Which saved file to try", saved_files(plan)),
        ("How sure this is", _sure(plan)),
    ]
    lines: list[str] = []
    for title, body in sections:
        content = list(body)
        if content:
            lines += [title, *_wrapped(content, width), ""]
    return "\n".join(lines)


def _set_this(plan: Plan) -> Iterator[str]:
    fields, schedule = get(plan.trainer).fields, plan.schedule
    rows = []
    if plan.trainer == "simpletuner":
        rows.append((fields.repeats, f"{schedule.repeats - 1:g}", f"extra passes: {schedule.repeats:g} in all"))
    elif len(set(schedule.subset_repeats)) > 1:
        rows.append(
            (fields.repeats, ", ".join(f"{n:g}" for n in schedule.subset_repeats), "in the order of the folders")
        )
    else:
        rows.append((fields.repeats, f"{schedule.repeats:g}", "passes over the pictures in an epoch"))
    if not fields.epochs and schedule.max_steps is None:
        rows.append((fields.steps, f"{schedule.steps}", f"{schedule.epochs} epochs"))
    elif schedule.max_steps is None:
        rows.append((fields.epochs, f"{schedule.epochs}", ""))
    else:
        rows.append((fields.steps, f"{schedule.max_steps}", _cut(schedule)))
    rows.append((fields.batch_size, f"{schedule.batch_size}", ""))
    if plan.settings.gradient_accumulation > 1:
        rows.append((fields.accumulation, f"{plan.settings.gradient_accumulation}", ""))
    rows.append(("resolution", f"{_resolution(plan)}", f"for {plan.base}; --base names another model"))
    wide = max(len(name) for name, _, _ in rows)
    for name, value, note in rows:
        yield f"  {name:<{wide}}  {value:<8}  {note}".rstrip()
    alpha = plan.settings.rank if plan.settings.alpha is None else plan.settings.alpha
    yield (
        f"  Learning rate {plan.learning_rate:g}, rank {plan.settings.rank}, alpha {alpha:g} (rate x alpha / rank: "
        f"{plan.learning_rate * alpha / plan.settings.rank:.2g}), {plan.settings.optimizer}."
    )
    yield f"  True steps: {schedule.steps:,}{_distance(plan)}, {schedule.batches_per_epoch:,} batches an epoch."
    for other in plan.alternatives:
        s = other.schedule
        repeats = s.repeats - 1 if plan.trainer == "simpletuner" else s.repeats
        yield (
            f"  Or {other.what}: repeats {repeats:g} × {s.epochs} epochs, batch {s.batch_size} = {s.steps:,} steps, "
            f"{WORDS[other.verdict]} ({other.exposures.per_effective_image:.0f} exposures)."
        )


def _cut(schedule: Schedule) -> str:
    """The epochs that a limit in steps means."""
    done = schedule.steps / schedule.steps_per_epoch
    if done == schedule.epochs:
        return f"{schedule.epochs} epoch{'s' * (schedule.epochs != 1)}"
    return f"{done:.3g} epochs" if done < 10 else f"{schedule.epochs} epochs, the last one cut"


def _resolution(plan: Plan) -> str:
    given = plan.resolution
    return f"{given[0]}x{given[1]}" if isinstance(given, tuple) else f"{given:g}"


def _distance(plan: Plan) -> str:
    if plan.target_steps is None:
        return ""
    away = plan.schedule.steps - plan.target_steps
    if not away:
        return ", exactly the target"
    return f", {abs(away):,} {'more' if away > 0 else 'fewer'} than the target of {plan.target_steps:,}"


def _what_happens(plan: Plan) -> Iterator[str]:
    seen, judgement = plan.exposures, plan.judgement
    yield (
        f"  {plan.schedule.samples:,} samples: each file is seen {seen.per_file:.0f} times, "
        f"each different picture {seen.per_effective_image:.0f} times."
    )
    low, high = plan.effective_range
    yield (
        f"  {plan.pictures} files hold {plan.effective_images:.1f} effective images ({low:.1f} to {high:.1f}); "
        f"as the trainer draws them they are {seen.sampled_diversity:.1f}."
    )
    if seen.sampled_diversity < plan.effective_images / 2:
        yield f"  A few pictures take most of the draws: the set will behave like {seen.sampled_diversity:.0f}."
    yield from _as_they_lie(plan)
    if plan.regularisation:
        yield (
            f"  Besides {plan.regularisation} regularisation pictures: {plan.steps.regularisation_per_epoch:,} of the "
            f"{plan.steps.samples_per_epoch:,} samples of an epoch are theirs; what stands above counts yours alone."
        )
    yield from bar(seen.per_effective_image, judgement.sound, judgement.cap)
    if judgement.verdict == "uncertain":
        ends = " or ".join(WORDS[v] for v in judgement.between)
        yield f"  Verdict: uncertain ({ends}, by how much a larger set bears more; see below)."
    else:
        yield f"  Verdict: {WORDS[judgement.verdict]}."
    if judgement.window_empty:
        yield (
            f"  No number of steps is sound: about {SAMPLES_FLOOR.value:.0f} samples are needed to learn anything, and "
            f"that already shows each different picture more than {judgement.cap:.0f} times."
        )


def _as_they_lie(plan: Plan) -> Iterator[str]:
    """What a trainer that is pointed at the folder itself would make of the same number of samples."""
    lying = plan.as_they_lie
    if lying is None:
        return
    text = (
        f"  This is for the cleaned set, as curate export writes it. Trained on as they lie, the {lying.files} files "
        f"would behave like {lying.sampled_diversity:.1f} different pictures"
    )
    often = plan.schedule.samples / lying.sampled_diversity
    if lying.sampled_diversity < plan.exposures.sampled_diversity / 2:
        text += f", because copies take most of the draws: each would be seen {often:.0f} times"
    yield text + "."


def bar(exposures: float, sound: tuple[float, float], cap: float) -> Iterator[str]:
    """Where the exposures lie among the bands, on a scale of doublings."""

    def at(value: float) -> int:
        place = (log2(max(value, 1e-9) / cap) - BAR_FROM) / (BAR_TO - BAR_FROM)
        return min(BAR - 1, max(0, round(place * (BAR - 1))))

    first, last, far = at(sound[0]), at(sound[1]), at(FAR_OVER * cap)
    yield " " * (2 + at(exposures)) + f"v {exposures:.0f} exposures"
    cells = ["·" if i < first else "█" if i <= last else "░" if i <= far else "·" for i in range(BAR)]
    yield "  " + "".join(cells)
    yield "  " + _labels(((0, "under-trained"), (first, "sound"), (last + 1, "risk"), (far + 1, "overfit likely")))


def _labels(words: Sequence[tuple[int, str]]) -> str:
    """Words at their places; one that would run into the next is left out."""
    line = ""
    for (start, word), (following, _) in pairwise([*words, (BAR + 99, "")]):
        if start >= len(line) and start + len(word) < following:
            line = line.ljust(start) + word
    return line


def _pictures(plan: Plan) -> Iterator[str]:
    buckets = sorted(plan.steps.buckets.items(), key=lambda item: -item[1])
    besides = ", regularisation included" if plan.regularisation else ""
    yield f"  {len(buckets)} bucket{'s' * (len(buckets) != 1)} (width x height in px: entries an epoch{besides}):"
    listed = [f"{w}x{h}: {n}" for (w, h), n in buckets[:LISTED]]
    for row in range(0, len(listed), 4):
        yield "    " + "".join(f"{text:<18}" for text in listed[row : row + 4]).rstrip()
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


def _most(plan: Plan, what: str, above: float = 0) -> list[Treatment]:
    found = [t for t in plan.treatments if t.bucket and getattr(t, what) > above]
    return sorted(found, key=lambda t: -getattr(t, what))


def _named(what: str, found: Iterable[Treatment], note: Callable[[Treatment], str]) -> Iterator[str]:
    pictures = list(found)
    if not pictures:
        return
    names = ", ".join(shown(t.path) + note(t) for t in pictures[:NAMED])
    rest = f" and {len(pictures) - NAMED} more" if len(pictures) > NAMED else ""
    yield f"  {len(pictures)} {what}: {names}{rest}"


def _remedies(plan: Plan) -> Iterator[str]:
    for remedy in plan.remedies:
        yield f"  {remedy.what}: {remedy.text} [{remedy.mark}: {remedy.evidence}]"


def _sure(plan: Plan) -> Iterator[str]:
    judgement = plan.judgement
    low, high = judgement.practice
    first, last = judgement.sound_steps
    if judgement.window_empty:
        yield f"  At most {judgement.cap:.0f} exposures of each different picture are sound: {last:,} steps here."
    else:
        yield (
            f"  Sound here is {judgement.sound[0]:.0f} to {judgement.sound[1]:.0f} exposures of each different "
            f"picture, {first:,} to {last:,} steps."
        )
    yield (
        f"  Published recipes put the upper end anywhere from {low:.0f} to {high:.0f}; no one has measured it for real "
        "models. Judge the saved files."
    )
    yield (
        f"  Steps and buckets are counted by the rule of {get(plan.trainer).source}. --explain says where every other "
        "number comes from."
    )


def _wrapped(lines: Iterable[str], width: int) -> Iterator[str]:
    for line in lines:
        if len(line) <= width:
            yield line
            continue
        indent = " " * (len(line) - len(line.lstrip()) + 2)
        yield from wrap(line, width, initial_indent="", subsequent_indent=indent, break_on_hyphens=False)
