"""What a report is made of: the same records as --json, and small pictures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curate.pages.as_json import as_object
from curate.pages.report.text import redacted
from curate.settings import ScanSettings

if TYPE_CHECKING:
    from curate.plan import Plan
    from curate.records import Analysis


@dataclass(frozen=True, slots=True, kw_only=True)
class Thumbnail:
    """A small picture, upright."""

    webp: bytes
    width: int  # px
    height: int  # px


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportInputs:
    """All that a report shows. Nothing is measured or decided for it."""

    analysis: Analysis
    plan: Plan | None = None
    no_plan: str = ""  # why there is none
    thumbnails: Mapping[str, Thumbnail] = field(default_factory=dict)  # by digest; a picture without one is said so
    settings: ScanSettings = field(default_factory=ScanSettings)  # of the scan
    version: str = ""  # of curate
    versions: Mapping[str, str] = field(default_factory=dict)  # of the libraries that decided
    with_paths: bool = False  # absolute paths may be shown


@dataclass(frozen=True)
class Material:
    """The inputs as plain values: `scan` and `planned` are what --json gives, without absolute paths."""

    inputs: ReportInputs

    @cached_property
    def scan(self) -> dict[str, Any]:
        whole: dict[str, Any] = as_object(self.inputs.analysis)
        return {**self.safe(whole)}

    @cached_property
    def planned(self) -> dict[str, Any] | None:
        from curate import plan

        found = self.inputs.plan
        return None if found is None else self.safe(plan.as_json(found))

    @cached_property
    def subjects(self) -> dict[str, Any]:
        """One subject or several, and pictures that may not belong: as the plan tells it, where there is one."""
        from dataclasses import asdict

        from curate.stages import inputs

        if self.planned is not None and self.planned["subjects"] is not None:
            return dict(self.planned["subjects"])
        return dict(self.safe(asdict(inputs.subjects(self.inputs.analysis))))

    @property
    def compared(self) -> bool:
        """False where nothing was embedded, and likeness and weights were not measured."""
        return bool(self.scan["diversity"]["measured"])

    @cached_property
    def rows(self) -> dict[str, int]:
        """The row of each path."""
        return {picture["path"]: row for row, picture in enumerate(self.scan["pictures"])}

    @cached_property
    def copies_out(self) -> int:
        """How many files are left out as copies."""
        groups = (group for group in self.scan["groups"] if group["kind"] != "lookalike")
        return len({one["path"] for group in groups for one in group["members"] if not one["kept"]})

    @cached_property
    def yours_out(self) -> int:
        """How many pictures are left out because the user decided so, copies apart."""
        return sum(not picture["kept"] for picture in self.scan["pictures"]) - self.copies_out

    @cached_property
    def folder(self) -> str:
        whole = self.inputs.analysis.catalog.folder
        return whole if self.inputs.with_paths else Path(whole).name or "pictures"

    def safe(self, value: Any) -> Any:
        """The value with absolute paths shortened, unless they are wanted."""
        if self.inputs.with_paths:
            return value
        catalog, settings = self.inputs.analysis.catalog, self.inputs.settings
        known = [catalog.folder, *(folder for _, folder in catalog.outside), str(Path.home())]
        known += [str(folder) for folder in (settings.cache, settings.decisions) if folder]
        return redacted(value, tuple(sorted((one for one in known if one), key=len, reverse=True)))

    def picture(self, row: int) -> dict[str, Any]:
        """One picture as --json gives it."""
        found: dict[str, Any] = self.scan["pictures"][row]
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One part of a page: `template` is given `data`. Reports of other kinds put their own together."""

    name: str  # its anchor, a word
    title: str
    template: str  # in the folder templates/
    data: Mapping[str, Any]
    note: str = ""  # beside its name in the contents, a figure
