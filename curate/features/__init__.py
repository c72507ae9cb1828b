"""A picture -> numbers, from one decode: hashes, checks, embedding; and the store that remembers them."""

from curate.features.closer import look_closer
from curate.features.cluster import Wanted, connected, measure_ahead
from curate.features.cores import one_core_a_thread
from curate.features.divided import Divided
from curate.features.embed import EMBEDDERS, NOTHING, Embedder, choose, embed_checked, part_of
from curate.features.hashes import near_pairs
from curate.features.held import give_back
from curate.features.measure import measure
from curate.features.memory import Store
from curate.features.parquet import ParquetStore
from curate.features.store import ForgivingStore, SqliteStore, open_store
from curate.features.thumbnails import Thumbnails
from curate.features.vectors import Selected
from curate.features.workers import processes

__all__ = [
    "EMBEDDERS",
    "NOTHING",
    "Divided",
    "Embedder",
    "ForgivingStore",
    "ParquetStore",
    "Selected",
    "SqliteStore",
    "Store",
    "Thumbnails",
    "Wanted",
    "choose",
    "connected",
    "embed_checked",
    "give_back",
    "look_closer",
    "measure",
    "measure_ahead",
    "near_pairs",
    "one_core_a_thread",
    "open_store",
    "part_of",
    "processes",
]
