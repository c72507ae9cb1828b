"""Which files are one photograph: proposed by rank and hash, proved by alignment, grouped as stars."""

from curate.copies.edits import files
from curate.copies.groups import Evidence, natural, stars
from curate.copies.propose import nearest, pairs
from curate.copies.prove import Prover

__all__ = ["Evidence", "Prover", "files", "natural", "nearest", "pairs", "stars"]
