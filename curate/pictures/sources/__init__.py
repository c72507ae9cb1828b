"""Where pictures may lie: a folder of this machine, any store that fsspec reaches, tar archives, a table of paths."""

from __future__ import annotations

from pathlib import Path

from curate import addresses
from curate.pictures.signatures import PICTURE_SUFFIXES
from curate.pictures.sources.base import Files, Held, State, joined
from curate.pictures.sources.folder import FolderFiles
from curate.pictures.sources.tars import Archives, archive_of, are_shards

__all__ = [
    "Archives",
    "Files",
    "FolderFiles",
    "Held",
    "State",
    "archive_of",
    "files_at",
    "held_at",
    "is_one_file",
    "joined",
]

_TABLES = (".parquet", ".pq")
_TARS = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".tar.zst")


def is_one_file(place: str | Path) -> bool:
    """Whether it is a file that holds or names pictures, by its name, and on this machine is no folder."""
    here = addresses.local(place)
    return str(place).lower().endswith((*_TABLES, *_TARS)) and (here is None or not here.is_dir())


def files_at(place: str | Path) -> Files:
    """The files of a place: a folder, an archive or a table by its name, or an address. Raises FolderError for an
    address that cannot be one; nothing is opened yet."""
    folder, name = place, ""
    if is_one_file(place):
        here = addresses.local(place)
        folder, _, name = addresses.whole(place).rpartition("/") if here is None else (here.parent, "", here.name)
        if str(folder).endswith(":/"):  # at the top of a store without buckets
            folder = f"{folder}/"
    files: Files
    if addresses.is_address(folder):
        from curate.pictures.sources.remote import RemoteFiles

        files = RemoteFiles(addresses.whole(place) if not name else str(folder))
    else:
        files = FolderFiles(addresses.local(folder) or folder)
    if name.lower().endswith(_TABLES):
        from curate.pictures.sources.table import Table

        return Table(files, name, files_at)
    return Archives(files, name) if name else files


def held_at(files: Files) -> Held:
    """All that lies there; where that is archives with no pictures beside them, all that lies in these."""
    found = files.held()
    if not isinstance(files, Archives) and are_shards(found.listing.files, PICTURE_SUFFIXES):
        return Archives(files).spread(found.listing)
    return found
