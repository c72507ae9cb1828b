"""The report: one HTML file that shows what a scan found, to read, keep and send."""

from curate.pages.report.document import Drawn, drawn, page, report
from curate.pages.report.material import Material, ReportInputs, Section, Thumbnail
from curate.pages.report.saving import check_place, save
from curate.pages.report.thumbnails import thumbnails
from curate.pages.report.versions import versions

__all__ = [
    "Drawn",
    "Material",
    "ReportInputs",
    "Section",
    "Thumbnail",
    "check_place",
    "drawn",
    "page",
    "report",
    "save",
    "thumbnails",
    "versions",
]
