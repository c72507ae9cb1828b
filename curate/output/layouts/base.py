"""What a layout is: where a trainer wants pictures, captions and masks, and the configuration that names them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from math import ceil
from typing import Literal, Protocol

from curate.output.captions import Shape
from curate.output.records import Action, Draft, Encoding, Part, Placed, PlacePicture, WriteText
from curate.records import Role
from curate.trainers import base, get

CAPTION = ".txt"
HOW_TO = "how-to-start.txt"  # the command, and the fields to type in
# (a name with "train" or "test" in it would be taken for data of that split by Hugging Face's loader)


class Layout(Protocol):
    """One trainer's way to lay out a set. To add one: a file with a LAYOUT that has these, and its line in LAYOUTS."""

    @property
    def name(self) -> str: ...
    @property
    def shape(self) -> Shape:
        """What becomes of captions with several lines."""
        ...

    @property
    def reads_masks(self) -> bool: ...
    @property
    def numbered(self) -> bool:
        """Whether pictures are named by number, since their own names would be misread."""
        ...

    @property
    def validates(self) -> bool:
        """Whether its configuration names pictures to validate on."""
        ...

    @property
    def held_out(self) -> str:
        """The folder of such pictures, below the set."""
        ...

    @property
    def config(self) -> str | None:
        """The configuration to start with, relative to the set."""
        ...

    def folder(self, label: str, repeats: float, role: Role, *, own: bool) -> str:
        """The folder of a part; `own`: it had a folder with repeats in the source."""
        ...

    def files(self, draft: Draft) -> Iterator[Action]:
        """Everything that is written: pictures, captions, masks, configuration."""
        ...

    def command(self, draft: Draft) -> str:
        """What starts the training; "" where a user starts it by hand."""
        ...

    def takes_alpha(self, base: str) -> bool:
        """Whether the LoRA's alpha can be set for a base model; else it is the rank."""
        ...

    def window(self, draft: Draft) -> tuple[str, ...]:
        """Lines that tell what to type into the trainer's window, for those who use one; () where it has none. After an
        empty line comes what few need, which a listing leaves to the file beside the configuration."""
        ...


def place(part: Part, *, caption: str = CAPTION) -> Iterator[Action]:
    """The pictures of a part, each with its caption beside it unless `caption`, the suffix, is empty."""
    prefix = f"{part.folder}/" if part.folder else ""
    for placed in part.pictures:
        yield place_picture(placed, prefix + placed.file)
        if caption:
            yield WriteText(to=prefix + placed.stem + caption, text=placed.caption.text + "\n")


def place_held_out(draft: Draft) -> Iterator[Action]:
    """The pictures to validate on, with their captions."""
    for part in draft.validation:
        yield from place(part)


def interval(draft: Draft) -> int:
    """Epochs, or steps where the trainer counts steps, from one validation to the next: whenever a file is saved."""
    return draft.values.save_every or 1


def saves(draft: Draft) -> int:
    """Files that are saved in a run whose interval counts steps; 0 where that or the steps are not known."""
    return ceil(draft.steps / draft.values.save_every) if draft.steps and draft.values.save_every else 0


def place_picture(placed: Placed, to: str) -> PlacePicture:
    picture = placed.item.picture
    return PlacePicture(
        source=picture.path,
        digest=picture.digest,
        size_bytes=picture.size_bytes,
        to=to,
        encoding=placed.encoding,
        pixels=placed.size[0] * placed.size[1],
        size=placed.resized,
        alpha=placed.mask if placed.mask_in_alpha else None,
        stripped=placed.item.facts.format if placed.location == "taken out" and not placed.encoding else "",
    )


def place_masks(part: Part, *, folder: str | None = None, end: str = ".png") -> Iterator[Action]:
    """A mask for every picture of a part that has masks, all white where a picture has none of its own.

    `end`: of a mask's file name, after the picture's stem.
    """
    if not part.masked:
        return
    where = part.mask_folder if folder is None else folder
    for placed in part.pictures:
        if placed.mask:
            yield replace(placed.mask, to=f"{where}/{placed.stem}{end}" if where else placed.stem + end)


def place_masks_alike(part: Part) -> Iterator[Action]:
    """Masks under the very file names of their pictures, suffix and format included."""
    if part.masked:
        for placed in part.pictures:
            if placed.mask:
                suffix = placed.suffix.lstrip(".")
                encoding: Encoding = "webp" if suffix == "webp" else "png" if suffix == "png" else "jpg"
                yield replace(placed.mask, to=f"{part.mask_folder}/{placed.file}", encoding=encoding)


_RESERVED = frozenset(("masks", "cache", "regularisation", "validation"))  # folders beside those of the parts


def plain_folder(label: str, role: Role) -> str:
    """The folder of a part in trainers that read nothing out of its name."""
    if role == "regularisation":
        return f"regularisation/{label}"
    return f"set-{label}" if label.casefold() in _RESERVED else label


def learning_rate(draft: Draft) -> float:
    values = draft.values
    return base(values.base).learning_rate if values.learning_rate is None else values.learning_rate


def alpha(draft: Draft) -> float:
    return draft.values.rank if draft.values.alpha is None else draft.values.alpha


def options(draft: Draft) -> Mapping[str, object]:
    """The trainer's options as curate writes them, with those that were asked for."""
    values = draft.values
    return {**get(draft.settings.trainer).curate_options(side(values.resolution), base(values.base)), **values.options}


def side(resolution: int | float | tuple[int, int]) -> int:
    """px: the longer side of the square or rectangle that is trained; megapixels become the side of their square."""
    if isinstance(resolution, tuple):
        return max(resolution)
    return resolution if isinstance(resolution, int) else ceil((resolution * 1e6) ** 0.5)


def whole(repeats: float) -> int | float:
    """Repeats without a decimal point where they are whole."""
    return int(repeats) if repeats == int(repeats) else repeats


def remarks(draft: Draft) -> tuple[str, ...]:
    """What curate chose and why: the comments of a configuration."""
    trainer = get(draft.settings.trainer)
    pictures = sum(len(part.pictures) for part in draft.subject())
    first = f"Written by curate for {trainer.title}: {pictures} pictures of {draft.name}."
    steps = (f"{draft.steps} optimizer steps in {draft.epochs} epochs, counted by the trainer's own rule.",)
    return (first, *(steps if draft.steps else ()), *draft.values.why)


def length(draft: Draft, steps: str, epochs: str) -> list[tuple[str, object]]:
    """The trainer's option that ends the training: the steps where they were set, else the epochs."""
    values = draft.values
    if values.max_steps:
        return [(steps, values.max_steps)]
    return [(epochs, values.epochs)] if values.epochs else []


def how_to(draft: Draft, command: str, window: Sequence[str] = ()) -> WriteText:
    """The text beside the configuration: what was chosen, the command, the fields of a window."""
    lines = [*remarks(draft), ""]
    if command:
        lines += ["Start the training with:", "", command, ""]
    if window:
        lines += [window[0], "", *window[1:], ""]
    return WriteText(to=HOW_TO, text="\n".join(lines))


def table(title: str, fields: Sequence[tuple[str, object]]) -> tuple[str, ...]:
    """The title, then a line for each field of a window: its label as the window shows it, and the value."""
    wide = max(len(name) for name, _ in fields)
    return (title, *(f"  {name:<{wide}}  {_typed(value)}" for name, value in fields))


def _typed(value: object) -> str:
    return {True: "on", False: "off"}[value] if isinstance(value, bool) else str(value)


def shell(program: str, arguments: Sequence[tuple[str, object]], style: Literal[" ", "="] = " ") -> str:
    """A command for a POSIX shell, one option a line; on one line, for any shell, where a path has a drive letter."""
    lines = [program]
    for name, value in arguments:
        lines.append(f"  {name}" if value is None else f"  {name}{style}{quoted(value)}")
    if any(isinstance(value, str) and _DRIVE.match(value) for _, value in arguments):
        return " ".join(line.strip() for line in lines)
    return " \\\n".join(lines)


_DRIVE = re.compile("[A-Za-z]:/")


def quoted(value: object) -> str:
    """A word of a command. Double quotes hold a Windows path together in POSIX shells, cmd and PowerShell alike."""
    import shlex

    if isinstance(value, str) and _DRIVE.match(value) and not set(value) & set('"$`%'):
        return f'"{value}"' if re.search(r"[^\w./:-]", value) else value
    return f"{value:g}" if isinstance(value, float) else shlex.quote(str(value))
