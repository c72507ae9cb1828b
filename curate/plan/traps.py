"""What the trainer does to pictures besides bucketing them, with the pictures that it concerns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from curate.plan.records import Plan
from curate.trainers import get

NAMED = 4  # pictures named before "and n more"
NAME = 28  # characters of a picture's name


def traps(plan: Plan) -> Iterator[str]:
    """A sentence each. Rules on orientation and transparency only where a picture has some, or is unknown.

    The rule on captions always stands: it also says how captions that are there are read.
    """
    notes, concerned = get(plan.trainer).notes, plan.concerned
    for rule, pictures, always in (
        (notes.exif, concerned and concerned.oriented, False),
        (notes.alpha, concerned and concerned.transparent, False),
        (notes.captions, concerned and concerned.uncaptioned, True),
    ):
        if pictures:
            what = "Without a caption" if always else "This concerns"
            yield f"{rule} {what}: {listed(pictures)}."
        elif always or concerned is None:
            yield rule
    yield from notes.traps


def listed(pictures: Sequence[str]) -> str:
    """How many, and the first few by name: 3 (a.png, b.png, c.png)."""
    rest = f" and {len(pictures) - NAMED} more" if len(pictures) > NAMED else ""
    return f"{len(pictures)} ({', '.join(shown(path) for path in pictures[:NAMED])}{rest})"


def shown(name: str) -> str:
    """A file's name as it may be printed: no control characters, its end kept when it is long."""
    clean = "".join(c if c.isprintable() else "?" for c in name)
    return clean if len(clean) <= NAME else "..." + clean[3 - NAME :]
