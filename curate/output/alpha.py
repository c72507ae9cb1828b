"""Masks inside their pictures, for sd-scripts beside regularisation pictures.

Its data sets with mask folders (`conditioning_data_dir`) know no regularisation pictures, and these are drawn only to
fill up the training pictures of their own data set. What reads both is `alpha_mask`: the transparency of a picture is
the weight of its loss, and a picture without any counts whole. Read in library/config_util.py and train_util.py of
sd-scripts 48d368fa.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from curate.output.records import Encoding, Part, Placed


def masks_in_alpha(parts: Sequence[Part]) -> list[Part]:
    """The parts with every mask of its own moved into its picture, which becomes PNG where it is no PNG or WebP.

    Masks that are white all over are dropped: no transparency says the same, and the picture can stay as it is.
    """
    found = []
    for part in parts:
        pictures = [_with_alpha(one) for one in part.pictures]
        found.append(replace(part, pictures=tuple(sorted(pictures, key=lambda one: one.file))))
    return found


def _with_alpha(placed: Placed) -> Placed:
    if placed.mask is None or not placed.mask.source:
        return replace(placed, mask=None)
    encoding: Encoding = "webp" if placed.suffix == ".webp" else "png"
    return replace(
        placed,
        suffix=f".{encoding}",
        encoding=encoding,
        fixes=(*placed.fixes, "its mask is written as its transparency"),
        mask_in_alpha=True,
    )
