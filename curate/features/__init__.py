"""A picture -> numbers, from one decode: hashes, checks, embedding; and the store that remembers them."""

from curate.features.cores import one_core_a_thread
from curate.features.embed import EMBEDDERS, Embedder, choose, embed_checked, part_of
from curate.features.hashes import near_pairs
from curate.features.measure import measure
from curate.features.memory import Store
from curate.features.store import ForgivingStore, SqliteStore, open_store
from curate.features.thumbnails import Thumbnails

__all__ = [
    "EMBEDDERS",
    "Embedder",
    "ForgivingStore",
    "SqliteStore",
    "Store",
    "Thumbnails",
    "choose",
    "embed_checked",
    "measure",
    "near_pairs",
    "one_core_a_thread",
    "open_store",
    "part_of",
]
