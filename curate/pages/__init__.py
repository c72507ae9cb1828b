"""What people and programs read: the terminal page and the JSON of a scan."""

from curate.pages.as_json import as_json
from curate.pages.lines import Line
from curate.pages.scan_page import scan_page

__all__ = ["Line", "as_json", "scan_page"]
