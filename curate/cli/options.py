"""Options that several commands share, each with its unit in its help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Optional

import typer

from curate.settings import ScanSettings

Folder = Annotated[Path, typer.Argument(help="Folder of pictures, sub-folders included.", show_default=False)]
LastFolder = Annotated[
    Optional[Path],  # noqa: UP045 - typer reads it at run time, on Python 3.10 too
    typer.Argument(help="Folder of pictures; the last one scanned if left out.", show_default=False),
]
Model = Annotated[
    str, typer.Option(help="auto, clip, builtin, or any open_clip model as NAME/TAG or NAME/file.pt.", metavar="MODEL")
]
Device = Annotated[str, typer.Option(help="auto (CUDA, then MPS, then CPU), cpu, cuda, cuda:N or mps.")]
Offline = Annotated[bool, typer.Option("--offline", help="Never fetch anything.")]
Cache = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option(help="Folder for measured features instead of the user's cache folder.", show_default=False),
]
Decisions = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option(
        help="Folder for your decisions instead of the user's data folder (with --cache: DIR/decisions).",
        show_default=False,
        metavar="DIR",
    ),
]
NoCache = Annotated[bool, typer.Option("--no-cache", help="Neither read nor keep measured features.")]
Regularisation = Annotated[
    Optional[list[str]],  # noqa: UP045
    typer.Option(
        help="Folder of regularisation images, in the set or elsewhere, never counted as the subject (repeatable).",
        show_default=False,
        metavar="FOLDER",
    ),
]
Resolution = Annotated[int, typer.Option(help="Training resolution in px, side of the square of equal area.", min=64)]
Background = Annotated[str, typer.Option(help="Colour behind transparent pixels, as RRGGBB.")]
Views = Annotated[
    str, typer.Option(help="auto: measure views where the model files are there or can be fetched; off: do not.")
]
MirrorOk = Annotated[
    bool, typer.Option("--mirror-ok", help="Count left and right views as one: for subjects that may be mirrored.")
]
Preset = Annotated[str, typer.Option(help="What is trained: character, face, style or object.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of the page.")]


def scan_settings(
    model: str,
    device: str,
    offline: bool,
    cache: Path | None,
    no_cache: bool,
    regularisation: list[str] | None = None,
    resolution: int = 1024,
    background: str = "FFFFFF",
    views: str = "auto",
    mirror_ok: bool = False,
    preset: str = "character",
    decisions: Path | None = None,
) -> ScanSettings:
    """The options of one command as settings. Raises typer.BadParameter for what is none of the choices."""
    return ScanSettings(
        model=model,
        device=device,
        offline=offline,
        cache=cache,
        use_cache=not no_cache,
        regularisation=tuple(regularisation or ()),
        resolution=resolution,
        background=colour(background),
        views=choice("--views", views, ("auto", "off")),
        mirror_ok=mirror_ok,
        preset=preset,
        decisions=decisions,
    )


def decision_settings(cache: Path | None, decisions: Path | None) -> ScanSettings:
    """The settings of a command that measures nothing."""
    return ScanSettings(cache=cache, decisions=decisions)


def colour(text: str) -> tuple[int, int, int]:
    """RRGGBB as three numbers 0-255."""
    digits = text.removeprefix("#")
    try:
        if len(digits) != 6:
            raise ValueError
        red, green, blue = bytes.fromhex(digits)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no colour; write it as RRGGBB, for example 808080") from None
    return red, green, blue


def batch(text: str) -> int | Literal["auto"]:
    """`auto` or a number of pictures. Raises typer.BadParameter."""
    if text == "auto":
        return "auto"
    if not text.isdecimal() or int(text) < 1:
        raise typer.BadParameter(f"{text!r} is no batch size; give auto or a number from 1 on")
    return int(text)


def whole(number: float | None) -> int | float | None:
    """px as a whole number; megapixels, below 16, and what is no whole number as they are."""
    return int(number) if number is not None and number >= 16 and number.is_integer() else number


def choice(option: str, value: str, choices: tuple[str, ...]) -> Any:
    """The value, if it is one of the choices. Raises typer.BadParameter."""
    if value not in choices:
        raise typer.BadParameter(f"{value!r} is none of {', '.join(c for c in choices if c)}", param_hint=option)
    return value


def printable(text: str) -> str:
    """Without control characters, which file names may hold."""
    return "".join(c if c.isprintable() else "\ufffd" for c in text)
