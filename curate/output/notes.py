"""What there is to say of an export, a line each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from curate.output.layouts import Layout
from curate.output.records import Export, Part
from curate.output.selection import HeldOut, Kept, Limited, Selection, Weighted
from curate.trainers import get

NO_CLASS = "photo"  # caption of a regularisation picture whose class nobody named
TENTH = 0.1  # share of a set to hold out
FEWEST = 4  # pictures whose mean loss is not ruled by one of them: our own judgement
SMALL = 20  # pictures below which each one teaches more than its loss tells. Our own judgement; in a study in miniature
# going from 20 to 50 pictures gained more than any change of settings
LARGE = 0.25  # share from which it costs more than it tells


def notes(export: Export, chosen: Layout, parts: Sequence[Part]) -> Iterator[str]:
    """What was chosen of the set, then what its trainer makes of masks, regularisation and held-out pictures."""
    yield from _chosen(export.selection)
    trainer = export.settings.trainer
    subject = [placed for part in parts if part.role == "subject" for placed in part.pictures]
    masks = sum(bool(one.item.picture.mask_path) for one in subject)
    regularised = any(part.role == "regularisation" for part in parts)
    if masks and not chosen.reads_masks:
        yield f"{trainer} reads no masks: those of {masks} pictures are not used."
    if regularised and trainer in ("musubi", "diffusion-pipe"):
        yield f"{trainer} has no regularisation: those pictures train like any other folder."
    if not chosen.validates and any(part.held_out for part in parts):
        yield _unread(trainer, chosen)
    if chosen.numbered and len({one.item.picture.repeats for one in subject}) > 1:
        yield f"{trainer} draws all pictures equally often: the repeats in the names of their folders are not used."
    values = export.values
    if values.alpha not in (None, values.rank) and not chosen.takes_alpha(values.base):
        yield f"{trainer} sets the LoRA's alpha to its rank for {values.base}: {values.alpha:g} is not used."
    if export.shared:
        yield f"{len(export.shared)} regularisation pictures show a photograph of the subject: they teach it as class."
        for one in export.shared:
            yield f"  {one.regularisation}: {one.edit}, of {one.path}"
    unnamed = sum(
        one.caption.text == NO_CLASS for part in parts if part.role == "regularisation" for one in part.pictures
    )
    if unnamed:
        yield f"{unnamed} regularisation pictures have no caption: {NO_CLASS!r} is written. --class names their class."


def _unread(trainer: str, chosen: Layout) -> str:
    """Where the held-out pictures are, when no configuration names them."""
    if trainer == "folder":
        return f"Train without {chosen.held_out}/: a trainer that reads sub-folders too would take it in."
    return (
        f"{get(trainer).title} measures no held-out loss, so {chosen.held_out}/ is named in no configuration: make "
        "pictures from its captions with each saved file, and compare them by eye."
    )


def _chosen(selection: Selection) -> Iterator[str]:
    if selection.limited:
        yield from _limited(selection.limited)
    if selection.held_out:
        yield from _held_out(selection.held_out)
    if selection.weighted:
        yield from _weighted(selection.weighted)


def _limited(limited: Limited) -> Iterator[str]:
    whole = limited.curve[-1]
    yield f"limited to {limited.asked} of {whole.pictures} pictures, those that keep the most:"
    for kept in limited.curve:
        yield f"  {_keeps(kept, whole, limited.views_wanted)}"


def _keeps(kept: Kept, whole: Kept, views_wanted: int) -> str:
    share = 100 * kept.effective_images / whole.effective_images if whole.effective_images else 100.0
    seen = "" if kept.views is None else f", {kept.views} of {views_wanted} views"
    return f"{kept.pictures:,} pictures: {kept.effective_images:.1f} effective images ({share:.0f} %){seen}"


def _held_out(held: HeldOut) -> Iterator[str]:
    spread = "spread over their looks" if held.views is None else f"of {held.views} views"
    yield (
        f"held out to validate on: {held.pictures} of {held.of} pictures, {spread}; "
        f"{held.effective_after:.1f} of {held.effective_before:.1f} effective images are left to train on"
    )
    asked = held.asked if held.asked >= 1 else max(1, round(held.asked * held.of))
    if held.pictures < asked:
        yield (
            f"  {asked:.0f} were asked for: the rest are linked to more pictures that are nearly the same than that, "
            "and must stay on one side"
        )
    if held.together:
        they_are = "it is" if held.together == 1 else "they are"
        yield f"  {held.together} of them because {they_are} nearly the same as another one that is held out"
    advised = max(FEWEST, round(TENTH * held.of))
    if held.of < SMALL:
        yield (
            f"  advice: hold out none of a set under {SMALL} pictures; each teaches more than its loss tells "
            "(our judgement: in a study in miniature more pictures beat every setting)"
        )
    elif held.pictures > LARGE * held.of or held.pictures < FEWEST:
        yield f"  advice: hold out about {advised}, a tenth and no fewer than {FEWEST} (our judgement)"


def _weighted(weighted: Weighted) -> Iterator[str]:
    if len(weighted.shares) == 1:
        yield "no look-alikes among these pictures: --weights changes nothing"
        return
    yield (
        f"look-alikes share the exposures of one picture: drawn as {weighted.drawn:.1f} effective images instead of "
        f"{weighted.drawn_before:.1f}"
    )
    for share in weighted.shares:
        pictures = f"{share.pictures} picture{'' if share.pictures == 1 else 's'}"
        off = "" if abs(share.given / share.wanted - 1) < 0.005 else f", gets {share.given:.2f}: whole repeats"
        yield f"  {pictures} x {share.repeats:g} an epoch: wanted {share.wanted:.2f} of a picture's exposures{off}"
