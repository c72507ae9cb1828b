"""The sections of a report as one HTML file that needs nothing else: no request, no link, no script for the essentials.

Everything that comes from a file, a caption or a name is escaped by the templates and shown by `text.shown`; the page's
own policy forbids whatever is not inside it.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from curate.pages.report import sections
from curate.pages.report.material import Material, ReportInputs, Section, Thumbnail
from curate.pages.report.text import shortened, shown

if TYPE_CHECKING:
    import jinja2

MISSING = (4, 3)  # width, height of the stand-in of a picture without a thumbnail
UPPER = 0.2  # of what a square cuts off a tall picture, how much is cut above: our own choice, tried on portraits
TINY = 36  # characters of a name below a small thumbnail: three lines
ALT = 120  # characters of a caption that are read out for a picture


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """A picture as the templates draw it: `id` is that of its one embedded copy."""

    id: str
    width: int
    height: int
    path: str
    short: str
    alt: str

    @property
    def tiny(self) -> str:
        """Its name below a thumbnail of a few characters' width."""
        return shortened(self.path, TINY)

    @property
    def square(self) -> str:
        """The viewBox of the square that stands for it: the middle of what is wide, and of what is tall a part nearer
        to its top, where people have their heads."""
        side = min(self.width, self.height)
        return f"{(self.width - side) / 2:g} {(self.height - side) * UPPER:g} {side} {side}"


def report(inputs: ReportInputs, extra: Sequence[Section] = ()) -> str:
    """The whole page for one analysis; `extra` sections follow the findings. Equal inputs give equal text."""
    material = Material(inputs)
    parts = [
        sections.verdict.section(material),
        sections.copies.section(material),
        sections.copies.lookalikes(material),
        sections.likeness.section(material),
        sections.coverage.section(material),
        sections.plan.section(material),
        sections.findings.section(material),
        *extra,
        sections.method.section(material),
    ]
    return page(f"curate report: {material.folder}", parts, drawn(material), inputs.thumbnails)


def page(title: str, parts: Sequence[Section], pictures: Sequence[Drawn], thumbnails: Mapping[str, Thumbnail]) -> str:
    """Any sections as one file. `pictures`: by row, as the sections' templates name them."""
    script = _text("page.js")
    return (
        _environment()
        .get_template("page.html")
        .render(
            title=title,
            parts=parts,
            pictures=pictures,
            embedded=[
                {
                    "id": _id(digest),
                    "width": one.width,
                    "height": one.height,
                    "data": base64.b64encode(one.webp).decode(),
                }
                for digest, one in sorted(thumbnails.items())
            ],
            missing=MISSING,
            style=_text("page.css"),
            icon=_icon(),
            script=script,
            script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        )
    )


def drawn(material: Material) -> list[Drawn]:
    """Every picture of a set, by row."""
    return [
        draw(one["path"], one["digest"], material.inputs.thumbnails, one["caption"] or "")
        for one in material.scan["pictures"]
    ]


def draw(path: str, digest: str, thumbnails: Mapping[str, Thumbnail], caption: str = "") -> Drawn:
    """One picture, with what is read out of it: its name and how its caption begins."""
    small = thumbnails.get(digest)
    words = " ".join(caption[: 2 * ALT].split())[:ALT]
    name = shortened(path)
    gone = "" if small else " (no thumbnail: the file could not be read when this page was made)"
    return Drawn(
        id=_id(digest) if small else "gone",
        width=small.width if small else MISSING[0],
        height=small.height if small else MISSING[1],
        path=path,
        short=name,
        alt=f"{name}: {words}{gone}" if words else f"{name}{gone}",
    )


def _id(digest: str) -> str:
    return f"t{digest[:16]}"


def _icon() -> str:
    """Curate's mark, which the review page shows too."""
    return resources.files("curate.pages").joinpath("review", "static", "icon.svg").read_text(encoding="utf-8")


def _text(name: str) -> str:
    return resources.files(__package__).joinpath("templates", name).read_text(encoding="utf-8")


@lru_cache(maxsize=1)
def _environment() -> jinja2.Environment:
    import jinja2

    environment = jinja2.Environment(
        autoescape=True,
        finalize=_visible,
        loader=jinja2.PackageLoader("curate.pages.report", "templates"),
        lstrip_blocks=True,
        trim_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.globals["raw"] = _raw
    return environment


def _visible(value: Any) -> Any:
    """What every expression of a template passes through before it is escaped."""
    return shown(value) if isinstance(value, str) and not hasattr(value, "__html__") else value


def _raw(own: str) -> Any:
    """The page's own style, script and thumbnails: the only text that is not escaped."""
    from markupsafe import Markup

    return Markup(own)
