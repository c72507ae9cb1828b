"""A decided set -> a folder that a trainer takes: `draft` says what goes where, `write` alone touches the disk."""

from curate.output.captions import uncaptioned
from curate.output.copying import check_new, copy_as_they_are
from curate.output.document import as_json
from curate.output.draft import SMALLEST, draft
from curate.output.from_analysis import export_of
from curate.output.layouts import LAYOUTS
from curate.output.partial import leftovers, remove_leftover
from curate.output.recorded import FILE as MANIFEST
from curate.output.recorded import Recorded
from curate.output.recorded import read as read_manifest
from curate.output.records import Draft, Evidence, Export, Item, Left, Settings, Values, Written
from curate.output.remote import check_place, upload
from curate.output.repeating import Compared, Repeat, compare, repeat
from curate.output.verifying import Verified, verify
from curate.output.verifying import lines as verify_lines
from curate.output.write import write

__all__ = [
    "LAYOUTS",
    "MANIFEST",
    "SMALLEST",
    "Compared",
    "Draft",
    "Evidence",
    "Export",
    "Item",
    "Left",
    "Recorded",
    "Repeat",
    "Settings",
    "Values",
    "Verified",
    "Written",
    "as_json",
    "check_new",
    "check_place",
    "compare",
    "copy_as_they_are",
    "draft",
    "export_of",
    "leftovers",
    "read_manifest",
    "remove_leftover",
    "repeat",
    "uncaptioned",
    "upload",
    "verify",
    "verify_lines",
    "write",
]
