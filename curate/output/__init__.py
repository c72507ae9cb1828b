"""A decided set -> a folder that a trainer takes: `draft` says what goes where, `write` alone touches the disk."""

from curate.output.draft import SMALLEST, draft
from curate.output.from_analysis import export_of
from curate.output.layouts import LAYOUTS
from curate.output.manifest import FILE as MANIFEST
from curate.output.records import Draft, Evidence, Export, Item, Left, Settings, Values, Written
from curate.output.write import leftovers, remove_leftover, write

__all__ = [
    "LAYOUTS",
    "MANIFEST",
    "SMALLEST",
    "Draft",
    "Evidence",
    "Export",
    "Item",
    "Left",
    "Settings",
    "Values",
    "Written",
    "draft",
    "export_of",
    "leftovers",
    "remove_leftover",
    "write",
]
