"""A plan as one page of plain text. The command line adds colour, and ASCII where a console needs it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from textwrap import wrap

from curate.plan.page_effect import verdict, what_happens
from curate.plan.page_files import saved_files
from curate.plan.page_pictures import pictures
from curate.plan.records import Alternative, Plan, Schedule
from curate.plan.wording import VERDICTS, plural, shortened, shown
from curate.trainers import get
from curate.trainers.base import Fields

FOLDERS = 6  # folders with repeats of their own listed before "and n more"


def page(plan: Plan, width: int = 80) -> str:
    """The verdict, then the plan in short sections, no line longer than `width` characters."""
    sections = [
        ("Set this", _set_this(plan)),
        ("What happens", what_happens(plan)),
        ("What the trainer will do to your pictures", pictures(plan)),
        ("One subject or several", _subjects(plan)),
        ("If it is too often" if plan.judgement.verdict != "under_trained" else "If it is too little", _remedies(plan)),
        ("Which saved file to try", saved_files(plan)),
        ("How sure this is", _sure(plan)),
    ]
    lines = [*_wrapped([verdict(plan)], width), ""]
    for title, body in sections:
        content = list(body)
        if content:
            lines += [title, *_wrapped(content, width), ""]
    return "\n".join(lines)


def _set_this(plan: Plan) -> Iterator[str]:
    fields, schedule = get(plan.trainer).fields, plan.schedule
    rows = [*_repeats(fields, plan)]
    if not fields.epochs and schedule.max_steps is None:
        rows.append((fields.steps, f"{schedule.steps}", plural(schedule.epochs, "epoch")))
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
    batches = plural(schedule.batches_per_epoch, "batch")
    yield f"  True steps: {schedule.steps:,}{_distance(plan)}, {batches} an epoch."
    for other in plan.alternatives:
        yield f"  Or {_alternative(fields, plan.trainer, other)}"


def _repeats(fields: Fields, plan: Plan) -> Iterator[tuple[str, str, str]]:
    """The field of the repeats with its value; one row a folder where they differ."""
    schedule = plan.schedule
    own = [_field(plan.trainer, repeats) for repeats in schedule.subset_repeats]
    if len(set(own)) == 1:
        note = "passes over the pictures in an epoch"
        if plan.trainer == "simpletuner":
            note = f"extra passes: {schedule.repeats:g} in all"
        yield fields.repeats, own[0], note
        return
    rows = list(zip(own, schedule.subset_names, strict=True))
    for i, (value, name) in enumerate(rows[:FOLDERS]):
        yield "" if i else fields.repeats, value, f"in {shown(name)}" if name else "everywhere else"
    if len(rows) > FOLDERS:
        yield "", "", f"and {len(rows) - FOLDERS} more folders, as --json lists them"


def _field(trainer: str, repeats: float) -> str:
    """The number of passes as the trainer's field wants it."""
    return f"{repeats - 1:g}" if trainer == "simpletuner" else f"{repeats:g}"


def _alternative(fields: Fields, trainer: str, other: Alternative) -> str:
    s = other.schedule
    own = sorted(set(s.subset_repeats))
    repeats = _field(trainer, own[0]) + (f" to {_field(trainer, own[-1])}" if len(own) > 1 else "")
    epochs, steps = plural(s.epochs, "epoch"), plural(s.steps, "step")
    means = f"{steps} ({epochs})" if s.max_steps is not None else f"{epochs} = {steps}"
    seen = plural(round(other.exposures.per_effective_image), "exposure")
    return f"{other.what}: {fields.repeats} {repeats}, {means}: {VERDICTS[other.verdict]} ({seen})."


def _cut(schedule: Schedule) -> str:
    """The epochs that a limit in steps means."""
    done = schedule.steps / schedule.steps_per_epoch
    if done == schedule.epochs:
        return plural(schedule.epochs, "epoch")
    return f"{done:.3g} epochs" if done < 10 else f"{schedule.epochs:,} epochs, the last one cut"


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


def _subjects(plan: Plan) -> Iterator[str]:
    found = plan.subjects
    if found:
        paths = [*found.odd, *(path for group in found.groups for path in group)]
        yield from (f"  – {shortened(text, paths)}" for text in found.findings)


def _remedies(plan: Plan) -> Iterator[str]:
    for remedy in plan.remedies:
        yield f"  – {remedy.what}: {remedy.text} [{remedy.mark}: {remedy.evidence}]"


def _sure(plan: Plan) -> Iterator[str]:
    yield (
        f"  Steps and buckets are counted by the rule of {get(plan.trainer).source}. What is sound is less sure: no "
        "one has measured it on real models, so judge the saved files. --explain says where every number comes from."
    )


def _wrapped(lines: Iterable[str], width: int) -> Iterator[str]:
    for line in lines:
        if len(line) <= width:
            yield line
            continue
        indent = " " * (len(line) - len(line.lstrip()) + 2) if line.startswith(" ") else ""
        yield from wrap(line, width, initial_indent="", subsequent_indent=indent, break_on_hyphens=False)
