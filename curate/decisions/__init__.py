"""What the user decided of pictures: kept in a journal outside the picture folder, honoured by every later run."""

from curate.decisions.exchange import Listed, known_to, read, written
from curate.decisions.journal import Journal, open_journal
from curate.decisions.records import NONE, Decision, Decisions, Kind, as_object

__all__ = [
    "NONE",
    "Decision",
    "Decisions",
    "Journal",
    "Kind",
    "Listed",
    "as_object",
    "known_to",
    "open_journal",
    "read",
    "written",
]
