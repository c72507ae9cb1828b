"""Tar archives as WebDataset writes them: a picture's members share the name up to its dot, and lie side by side.

Nothing is unpacked. An archive's headers are read once in each process, which gives where every member begins; members
are then read in place. Hence compressed archives are refused: they can only be read from their beginning.
"""

from __future__ import annotations

import io
import tarfile
import threading
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from curate.errors import FolderError
from curate.pictures.sources.base import Files, Held, State, joined, why_unfit
from curate.pictures.walk import Listing, why_ignored
from curate.records import LeftOut

SUFFIX = ".tar"
INDEXES = 64  # archives whose members are remembered in each process: 10,000 members take about 2 MB
_BLOCK = 512  # bytes of a header (POSIX ustar)


@dataclass(slots=True)
class Index:
    """Where the members of one archive lie."""

    members: dict[str, tuple[int, int]] = field(default_factory=dict)  # by name: first byte, bytes
    left_out: list[tuple[str, str]] = field(default_factory=list)  # name, why it is no file to read
    damage: str = ""  # why what follows cannot be read


class Archives:
    """The members of the archives at a place, by `ARCHIVE/MEMBER`; `only`: of that one, by `MEMBER`."""

    def __init__(self, files: Files, only: str = "") -> None:
        self.files, self.only = files, only
        self._indexes: OrderedDict[str, Index] = OrderedDict()
        self._turns: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()

    def __getstate__(self) -> tuple[Files, str]:
        return self.files, self.only

    def __setstate__(self, state: tuple[Files, str]) -> None:
        self.__init__(*state)  # type: ignore[misc]

    @property
    def place(self) -> str:
        return joined(self.files.place, self.only) if self.only else self.files.place

    @property
    def threads(self) -> int:
        return self.files.threads

    def held(self) -> Held:
        """The members of the one archive. Raises FolderError for one that cannot be read at all."""
        try:
            state = self.files.state(self.only)
            if not self.only.lower().endswith(SUFFIX):
                raise FolderError(self.place, "a compressed archive, which cannot be read in pieces", _UNPACK)
            found = self._index(self.only)
        except FileNotFoundError:
            raise FolderError(self.place, "no such archive", "Check the path") from None
        except OSError as error:
            reason = self.files.why_unreadable(self.only, error)
            raise FolderError(self.place, reason, "Check the path and its permissions") from error
        if found.damage and not found.members:
            raise FolderError(self.place, found.damage, "Fetch or pack the archive again")
        listing, states = Listing(folders={""}), dict[str, State]()
        _add(listing, states, (self.only, ""), (state, found))
        return Held(listing=listing, states=states, archived=True)

    def spread(self, listing: Listing) -> Held:
        """The members of all archives in a listing, whose other files are ignored."""
        archives = [path for path in listing.files if path.lower().endswith(SUFFIX)]
        others = [path for path in listing.files if not path.lower().endswith(SUFFIX)]
        found = Listing(folders=set(listing.folders), broken=list(listing.broken), ignored=list(listing.ignored))
        found.ignored += [LeftOut(path=path, reason="lies beside archives of pictures") for path in others]
        states: dict[str, State] = {}
        with ThreadPoolExecutor(self.threads, thread_name_prefix="curate-index") as pool:
            for archive, looked in zip(archives, pool.map(self._look, archives), strict=True):
                if isinstance(looked, OSError):
                    found.broken.append(LeftOut(path=archive, reason=self.files.why_unreadable(archive, looked)))
                else:
                    _add(found, states, (archive, f"{archive}/"), looked)
        return Held(listing=found, states=states, archived=True)

    def _look(self, archive: str) -> _Looked | OSError:
        """How an archive is and what it holds, or why it cannot be read."""
        try:
            return self.files.state(archive), self._index(archive)
        except OSError as error:
            return error

    def state(self, path: str) -> State:
        archive, _, size = self._member(path)
        whole = self.files.state(archive)
        return State(size, f"{whole.size} {whole.token}" if whole.token else "")

    def read(self, path: str, start: int = 0, size: int | None = None) -> bytes:
        archive, first, length = self._member(path)
        wanted = max(0, length - start) if size is None else max(0, min(size, length - start))
        data = self.files.read(archive, first + start, wanted) if wanted else b""
        if len(data) < wanted:
            raise OSError("the archive ends in the middle of it")
        return data

    def open(self, path: str) -> BinaryIO:
        return io.BytesIO(self.read(path))

    def whole_path(self, path: str) -> Path | None:
        return None

    def why_unreadable(self, path: str, error: OSError) -> str:
        return self.files.why_unreadable(self._split(path)[0], error)

    def _split(self, path: str) -> tuple[str, str]:
        if self.only:
            return self.only, path
        archive = archive_of(path)
        return archive, path[len(archive) + 1 :]

    def _member(self, path: str) -> tuple[str, int, int]:
        archive, name = self._split(path)
        members = self._index(archive).members
        if name not in members:
            raise FileNotFoundError(path)
        return archive, *members[name]

    def _index(self, archive: str) -> Index:
        with self._lock:
            turn = self._turns.setdefault(archive, threading.Lock())
        with turn:  # the threads that want the same archive wait for one of them to read its headers
            with self._lock:
                if archive in self._indexes:
                    self._indexes.move_to_end(archive)
                    return self._indexes[archive]
            with self.files.open(archive) as stream:
                found = index(stream)
            with self._lock:
                self._indexes[archive] = found
                while len(self._indexes) > INDEXES:
                    self._indexes.popitem(last=False)
            return found


_UNPACK = "Unpack it, or pack it as a plain .tar: pictures are compressed already"


_Looked = tuple[State, Index]


def _add(listing: Listing, states: dict[str, State], names: tuple[str, str], looked: _Looked) -> None:
    """Adds an archive's members to a listing. `names`: its own, and what stands before those of its members."""
    (archive, start), (whole, found) = names, looked
    token = f"{whole.size} {whole.token}" if whole.token else ""
    for name, (_, size) in sorted(found.members.items()):
        path = start + name
        if reason := why_ignored(name):
            listing.ignored.append(LeftOut(path=path, reason=reason))
            continue
        listing.files.append(path)
        parts = path.split("/")[:-1]
        listing.folders.update("/".join(parts[:depth]) for depth in range(1, len(parts) + 1))
        states[path] = State(size, token)
    listing.ignored += [LeftOut(path=start + name, reason=reason) for name, reason in found.left_out]
    if found.damage:
        listing.broken.append(LeftOut(path=archive, reason=found.damage))


def archive_of(path: str) -> str:
    """The archive that a member's path begins with; "" for a path that leads through none."""
    parts = path.split("/")
    depth = next((at for at, part in enumerate(parts[:-1], start=1) if part.lower().endswith(SUFFIX)), 0)
    return "/".join(parts[:depth])


def are_shards(paths: list[str], picture_suffixes: frozenset[str]) -> bool:
    """Whether a place holds archives and, by their names, no pictures beside them."""
    suffixes = {f".{path.rpartition('.')[2].lower()}" for path in paths}
    return SUFFIX in suffixes and not suffixes & picture_suffixes


def index(stream: BinaryIO) -> Index:
    """Where the members of an archive lie. Raises OSError where it cannot be read."""
    found, ignored, before = Index(), dict[str, str](), -1
    end = stream.seek(0, io.SEEK_END)
    stream.seek(0)
    try:
        with tarfile.open(fileobj=stream, mode="r:") as archive:
            while member := archive.next():
                if member.size < 0 or archive.offset <= before:  # Python before 3.11.14 goes round for ever
                    raise tarfile.ReadError("a member of negative size")
                before = archive.offset
                if member.isreg() and member.offset_data + member.size > end:
                    raise tarfile.ReadError(f"it ends in the middle of {member.name}")
                name = "/".join(part for part in member.name.split("/") if part not in ("", "."))
                if reason := why_unfit(member.name if member.name.startswith("/") else name):
                    ignored[member.name] = reason
                elif member.isreg() and not member.issparse():
                    found.members[name] = member.offset_data, member.size  # of one name the last counts, as tar has it
                elif not member.isdir():
                    ignored[name] = "no plain file in the archive"
                vars(archive)["members"] = []  # which keeps every header otherwise
            found.damage = _after(stream, archive.offset, bool(found.members))
    except (tarfile.TarError, ValueError, OverflowError, EOFError) as error:  # the last three: of hostile headers
        found.damage = f"damaged or no tar archive: {str(error)[:100]}"
    found.left_out = [(name, reason) for name, reason in ignored.items() if name not in found.members]
    return found


def _after(stream: BinaryIO, offset: int, any_member: bool) -> str:
    """What is wrong at the place where the archive was taken to end: two blocks of zeros end one, or nothing at all."""
    stream.seek(offset)
    block = stream.read(_BLOCK)
    if not block.strip(b"\0"):
        return ""
    return "damaged: what follows cannot be read" if any_member else "no tar archive"
