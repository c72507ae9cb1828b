"""Which files are one photograph: proposed by rank and hash, proved by alignment, grouped as stars."""

from curate.copies.across import across
from curate.copies.compare import compare
from curate.copies.groups import Evidence, natural, stars
from curate.copies.prove import Prover

__all__ = ["Evidence", "Prover", "across", "compare", "natural", "stars"]
