"""The questions behind a plan, answered in plain words with this set's numbers, for --explain."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from textwrap import fill

from curate.plan.constants import CONSTANTS, SAMPLES_FLOOR
from curate.plan.records import Plan
from curate.plan.views_wanted import wanted
from curate.plan.wording import plural, shortened, times
from curate.trainers import get

TEXTBOOK = (64, 256)  # pictures a batch that textbooks on training from scratch advise


def batches(pictures: int, batch_size: int) -> int:
    """Batches in one pass: N / B where B divides N, else one more for the rest.

    CIFAR-10 has 50,000 training pictures; in batches of 256 that is 195 full ones and one of 80:

    >>> batches(50_000, 256)
    196
    >>> updates(50_000, 256, epochs=10)
    1960
    """
    return pictures // batch_size + (pictures % batch_size > 0)


def updates(pictures: int, batch_size: int, epochs: int) -> int:
    """Updates of the weights in all epochs, one a batch.

    >>> updates(20, 1, epochs=50) == updates(50, 1, epochs=20)
    True
    """
    return batches(pictures, batch_size) * epochs


def explain(plan: Plan, width: int = 80) -> str:
    """Questions and answers, each a short paragraph of lines no longer than `width` characters."""
    parts = []
    for title, answer in explained(plan):
        body = [fill(text, width, break_on_hyphens=False) if not text.startswith(" ") else text for text in answer]
        parts.append("\n".join([title, *body]))
    return "\n\n".join(parts) + "\n"


def explained(plan: Plan) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Each question with the paragraphs of its answer; those that begin with two spaces are lines of a table."""
    return tuple((title, tuple(answer(plan))) for title, answer in QUESTIONS)


def _words(plan: Plan) -> Iterator[str]:
    n, b, s = plan.pictures, plan.schedule.batch_size, plan.schedule
    yield (
        f"An epoch is one pass over everything. A batch is what goes through the model at once: {b} here. An "
        f"iteration, or step, is one update of the weights. A plain list of {plural(n, 'picture')} has "
        f"{plural(batches(n, b), 'batch')} (N / B, and one more where a rest is left). With repeats and buckets "
        f"{get(plan.trainer).title} really makes {plural(s.batches_per_epoch, 'batch')} an epoch, and "
        f"{plural(s.steps, 'step')} in {plural(s.epochs, 'epoch')}."
    )
    yield (
        f"The usual example: CIFAR-10 has 50,000 pictures; in batches of 256 that is {batches(50_000, 256)} batches an "
        f"epoch and {updates(50_000, 256, 10):,} updates in 10 epochs."
    )


def _same_total(plan: Plan) -> Iterator[str]:
    yield (
        "Both are 1,000 samples, but 20 pictures are seen 50 times each and 50 pictures 20 times. What a picture can "
        "teach wears off with every look, and what is left is its accidents: this background, this crop, this light. "
        "In a small study (digits, a tiny model, held-out loss) 20 x 50 lost 6 to 11 % of what training gains against "
        "50 x 20, and at ten times the samples 52 to 125 %. Its size for LoRAs is unknown."
    )
    yield (
        f"Here: {plural(plan.schedule.samples, 'sample')}, over {plan.exposures.sampled_diversity:.1f} different "
        f"pictures: each is looked at {times(plan.exposures.per_effective_image)}."
    )


def _overfit(plan: Plan) -> Iterator[str]:
    judgement = plan.judgement
    yield (
        "Underfitting is too little training; more steps mend it at once. A LoRA has far more weights than a few dozen "
        "pictures have independent facts, so given enough steps it always learns them by heart. With few pictures that "
        f"moment comes early: for this set at about {judgement.sound_steps[1]:,} steps, with four times as many "
        f"different pictures at {4 * judgement.sound_steps[1]:,} or later. That is why a small set goes from too "
        "little to too much with hardly anything between."
    )


def _copies(plan: Plan) -> Iterator[str]:
    low, high = plan.effective_range
    yield (
        "A near-identical picture is another look at the same one. In the study 20 pictures copied five times behaved "
        "like 20, not 100; with one of them copied 81 times the set behaved like 2. Small shifts moved the "
        "optimum later but were not worth pictures; new angles, light and backgrounds are (believed)."
    )
    yield (
        f"Yours: {plural(plan.pictures, 'file')}, {plan.effective_images:.1f} different pictures "
        f"({low:.1f} to {high:.1f})."
        if plan.compared
        else f"Yours: {plural(plan.pictures, 'file')}; how much they differ was not measured (--model none)."
    )


def _how_many(plan: Plan) -> Iterator[str]:
    need = SAMPLES_FLOOR.value / plan.judgement.cap
    yield (
        f"Below about {need:.0f} different pictures no budget is sound: the fewest samples that teach anything "
        f"({SAMPLES_FLOOR.value:.0f}) already show each too often. 20 to 40 chosen ones are what most character guides "
        "use. That 40 to 100 are only just usable is an opinion; what is measured in miniature is that the room "
        "between too little and too much grows about as fast as the number of pictures (from 2 to 50), and that at "
        "10,000 samples 100 pictures kept 5 to 7 % less of the gain than 400."
    )
    yield (
        "Face-swap models are trained on thousands of frames because they start from nothing and must learn every "
        "angle of one face. A LoRA starts from a model that knows faces; it needs to be shown what is particular."
    )
    yield (
        "A few dozen are enough when no two are alike and all the views that you will ask for are among them. A "
        "hundred from the front are not."
    )
    if plan.gaps:
        why = plan.gaps[0].why
        yield f"Most wanted in this set: {wanted(plan.gaps)}. Of the first: {why}."


def _weight(plan: Plan) -> Iterator[str]:
    yield (
        "Reported, not measured here: a LoRA that has learnt its pictures by heart draws them at full weight, and at "
        ".5 to .7 the base model has room again. A lower weight hides overfitting; an earlier saved file avoids it."
    )


def _descent(plan: Plan) -> Iterator[str]:
    n, b = plan.pictures, plan.schedule.batch_size
    yield "  way           batch          updates an epoch   here"
    yield f"  batch         N              1                  {plural(n, 'picture')}: 1"
    yield f"  stochastic    1              N                  {n}"
    yield f"  mini-batch    B (1 < B < N)  N/B, or N/B + 1    batch {max(b, 2)}: {batches(n, max(b, 2))}"
    small, large = TEXTBOOK
    if n <= small:
        would = f"{plural(n, 'picture')} such a batch would be the whole set: one update an epoch, an average"
    else:
        would = f"{n:,} pictures batches of {small} leave {batches(n, small):,} updates an epoch, each an average"
    yield (
        f"Textbooks advise mini-batches of {small} to {large}. They mean training from scratch on 50,000 pictures and "
        f"more. With {would} that hides every single picture. It also takes memory that no home card has. A LoRA is "
        "trained with 1 to 8."
    )


def _people(plan: Plan) -> Iterator[str]:
    yield (
        "For a LoRA of one person, no: one picture of each of many people teaches what people have in common, which "
        "the base model knows. A set with several people or subjects needs a word for each in its captions, and is as "
        "many small sets as it has subjects: each must be large enough by itself."
    )
    if plan.subjects is not None:
        paths = [*plan.subjects.odd, *(path for group in plan.subjects.groups for path in group)]
        yield shortened(" ".join(plan.subjects.findings), paths) or (
            "Here nothing in the pictures or their captions speaks for a second subject; two people who look alike at "
            "a glance, on like pictures without captions, would not be noticed."
        )


def _knobs(plan: Plan) -> Iterator[str]:
    rate, settings = plan.effective_rate, plan.settings
    alpha = settings.rank if settings.alpha is None else settings.alpha
    yield (
        f"What counts is learning rate x alpha / rank: {plan.learning_rate:g} x {alpha:g} / {settings.rank} = "
        f"{rate:.2g}. Raising alpha and lowering the rate of the unet therefore cancel out. To gain time with few "
        "pictures, lower the product: half the rate moved the optimum 1.2 to 2.8 times later in the study, with "
        "no worse a result on average; half of alpha did not move it; twice alpha made it earlier and worse."
    )
    yield (
        "Optimisers differ less than their rates: Prodigy and D-Adaptation choose the rate themselves and often too "
        "high for a small set (believed). A scheduler that ends at zero only makes the last steps smaller; the saved "
        "files before the end show more than its shape."
    )


def _sources(plan: Plan) -> Iterator[str]:
    yield f"Buckets, batches and steps: the rule of {get(plan.trainer).source}, read in its code."
    for name, one in CONSTANTS.items():
        yield f"{name}: {one.value:g} ({one.low:g} to {one.high:g}) {one.unit}. From: {one.source}."
    yield (
        f"The learning rate of {plan.learning_rate:g} is {plan.base}'s usual one, from the trainers' own examples, "
        "unless you gave it. The verdicts: below half the upper end too little, up to it sound, up to twice a risk "
        "(chosen by eye, to fit published recipes)."
    )
    yield (
        "Effective images: the similarity of the pictures, weighed so that copies add nothing (maximum diversity, "
        "Leinster and Meckes 2016). What is called measured in miniature stands in bench/repetition.md."
    )


QUESTIONS: tuple[tuple[str, Callable[[Plan], Iterator[str]]], ...] = (
    ("What are epoch, batch and iteration?", _words),
    ("Why are 20 pictures x 50 worse than 50 x 20?", _same_total),
    ("Why do few pictures overfit rather than underfit?", _overfit),
    ("Why do near-identical pictures not help?", _copies),
    ("How many pictures are needed?", _how_many),
    ("Why does a LoRA from few pictures work only at low weight?", _weight),
    ("Batch, stochastic or mini-batch: why not 64 to 256?", _descent),
    ("Is one picture per person best?", _people),
    ("What do alpha, learning rate, optimiser and scheduler do about it?", _knobs),
    ("Where do the numbers come from?", _sources),
)
