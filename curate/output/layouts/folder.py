"""No trainer in particular: pictures with captions beside them, as nearly all read them."""

from __future__ import annotations

from collections.abc import Iterator

from curate.output.captions import Shape
from curate.output.layouts.base import place, place_held_out, place_masks
from curate.output.records import Action, Draft
from curate.records import Role


class Folder:
    """Pictures in the set's own folder; folders with repeats, regularisation and masks below it."""

    name = "folder"
    shape: Shape = "whole"
    reads_masks = True
    numbered = False
    validates = False
    held_out = "validation"
    config = None

    def folder(self, label: str, repeats: float, role: Role, *, own: bool) -> str:
        named = f"{int(repeats)}_{label}" if own else ""
        return "/".join(part for part in ("reg" if role == "regularisation" else "", named) if part)

    def files(self, draft: Draft) -> Iterator[Action]:
        for part in draft.parts:
            yield from place(part)
            yield from place_masks(part)
        yield from place_held_out(draft)

    def command(self, draft: Draft) -> str:
        return ""

    def takes_alpha(self, base: str) -> bool:
        return True

    def window(self, draft: Draft) -> tuple[str, ...]:
        return ()


LAYOUT = Folder()
