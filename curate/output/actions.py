"""What an export consists of: one thing to write each. `write` alone carries them out."""

from __future__ import annotations

from dataclasses import dataclass

from curate.output.choices import Encoding


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacePicture:
    """Copy this picture to this path; with an encoding its pixels are made safe and written anew."""

    source: str
    digest: str  # SHA-256 of the source, as scanned
    size_bytes: int
    to: str
    encoding: Encoding | None = None  # None: byte for byte
    pixels: int = 0  # width x height, for the estimate of disk space
    size: tuple[int, int] | None = None  # width, height in px that it is scaled down to; only with an encoding
    alpha: PlaceMask | None = None  # becomes its transparency; only with an encoding, which then is no JPEG
    stripped: str = ""  # Pillow's name of its format, where it is written without what tells a place

    @property
    def as_it_is(self) -> bool:
        """Whether its bytes are those of the source."""
        return not (self.encoding or self.stripped)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceMask:
    """Write a picture's mask as a grey picture as large as the picture is written: white is trained."""

    to: str
    size: tuple[int, int]  # width, height in px of the picture, upright
    source: str = ""  # mask file, or the picture itself for its transparency; "" for all white
    alpha_of_source: bool = False
    orientation: int = 1  # EXIF, of the picture
    written: tuple[int, int] | None = None  # width, height in px that the picture is scaled down to
    encoding: Encoding = "png"


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteText:
    """Write this text there, as UTF-8 with line feeds."""

    to: str
    text: str


Action = PlacePicture | PlaceMask | WriteText
