"""The report: one HTML file that shows what a scan found, to read, keep and send."""

from curate.pages.report.document import Drawn, draw, drawn, page, report
from curate.pages.report.material import Material, ReportInputs, Section, Thumbnail
from curate.pages.report.saving import check_place, save
from curate.pages.report.thumbnails import drawn_small, thumbnails
from curate.pages.report.versions import versions
from curate.pages.shelf import Shelf

__all__ = [
    "Drawn",
    "Material",
    "ReportInputs",
    "Section",
    "Shelf",
    "Thumbnail",
    "check_place",
    "draw",
    "drawn",
    "drawn_small",
    "page",
    "report",
    "save",
    "thumbnails",
    "versions",
]
