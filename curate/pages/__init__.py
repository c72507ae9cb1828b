"""What people and programs read: the terminal page and the JSON of a scan."""

from curate.pages.as_json import as_json
from curate.pages.compare_page import compare_json, compare_page
from curate.pages.comparison import compare, side_from_file, side_of
from curate.pages.decisions_page import decisions_json, decisions_page
from curate.pages.fill_page import Filling, fill_json, fill_page, gaps_json, gaps_page
from curate.pages.lines import Line
from curate.pages.scan_page import scan_page

__all__ = [
    "Filling",
    "Line",
    "as_json",
    "compare",
    "compare_json",
    "compare_page",
    "decisions_json",
    "decisions_page",
    "fill_json",
    "fill_page",
    "gaps_json",
    "gaps_page",
    "scan_page",
    "side_from_file",
    "side_of",
]
