"""What the trainer does to pictures besides bucketing them, with the pictures that it concerns."""

from __future__ import annotations

from collections.abc import Iterator

from curate.plan.records import Plan
from curate.plan.wording import listed
from curate.trainers import get


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
