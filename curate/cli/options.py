"""Options that several commands share, each with its unit in its help."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Literal, Optional

import typer

from curate.settings import LARGEST_PICTURE, ScanSettings

PLACES = "a folder, sub-folders included; s3://... or another store's address; a .tar, or a folder of them; a .parquet"
Folder = Annotated[str, typer.Argument(help=f"Where the pictures lie: {PLACES}.", show_default=False)]
LastFolder = Annotated[
    Optional[str],  # noqa: UP045 - typer reads it at run time, on Python 3.10 too
    typer.Argument(help="Folder of pictures or address; the last one scanned if left out.", show_default=False),
]
Model = Annotated[
    str,
    typer.Option(
        help="auto, clip, builtin, none (hashes only), or any open_clip model as NAME/TAG or NAME/file.pt.",
        metavar="MODEL",
    ),
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
Engine = Annotated[str, typer.Option(help="Who measures: local (this machine) or ray (a Ray cluster).")]
Address = Annotated[
    str,
    typer.Option(
        help="Ray cluster: HOST:PORT, auto or local. If left out, $RAY_ADDRESS; else Ray is started here.",
        show_default=False,
        metavar="ADDRESS",
    ),
]
Workers = Annotated[int, typer.Option(help="Processes that measure, or actors of Ray; 0: one a core.", min=0)]
FeaturesAt = Annotated[
    str,
    typer.Option(
        "--features",
        help="Folder or address (s3://...) where measured features are kept as Parquet; all workers must reach it. "
        "With --engine ray the cache folder if left out.",
        show_default=False,
        metavar="ADDRESS",
    ),
]
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
MostMegapixels = Annotated[
    Optional[float],  # noqa: UP045
    typer.Option(
        help="Largest picture that is decoded, in millions of pixels, at most 512; a larger one is listed as broken. "
        "Every command reads $CURATE_MOST_MEGAPIXELS.",
        show_default="256",
        metavar="NUMBER",
    ),
]
MostSeconds = Annotated[
    Optional[float],  # noqa: UP045
    typer.Option(
        help="Time that one picture may take to decode, in seconds; a slower one is listed as broken. "
        "Every command reads $CURATE_MOST_SECONDS.",
        show_default="60",
        metavar="NUMBER",
    ),
]
Memory = Annotated[
    Optional[float],  # noqa: UP045
    typer.Option(
        help="Small pictures held to compare them, and what is seen in them, in MiB; those beyond are read again. "
        "Every command reads $CURATE_MEMORY.",
        show_default="768",
        metavar="NUMBER",
    ),
]
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
    engine: str = "local",
    address: str = "",
    workers: int = 0,
    features: str = "",
    most_megapixels: float | None = None,
    most_seconds: float | None = None,
    memory: float | None = None,
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
        engine=choice("--engine", engine, ("local", "ray")),
        address=address,
        workers=workers,
        features=features,
        most_pixels=round(_limit("most_megapixels", most_megapixels, 256, LARGEST_PICTURE / 1e6) * 1e6),
        most_seconds=_limit("most_seconds", most_seconds, 60, 86_400),
        memory_mb=round(_limit("memory", memory, 768, 1e6)),
    )


def _limit(name: str, given: float | None, usual: float, most: float) -> float:
    """What an option says of a limit a picture, else the environment, else what is usual. Raises typer.BadParameter."""
    variable = f"CURATE_{name.upper()}"
    text = os.environ.get(variable, "") if given is None else str(given)
    try:
        value = float(text or usual)
    except ValueError:
        value = 0.0
    if not 0 < value <= most:
        where = variable if given is None else f"--{name.replace('_', '-')}"
        raise typer.BadParameter(f"{text!r} is not a number above 0, at most {most:g}", param_hint=where)
    return value


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
