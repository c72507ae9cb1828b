"""Any store that fsspec reaches: buckets, web servers' listings, memory.

Connections are made in the process that uses them, so that what is handed to another process is the address alone.
Time-outs and retries are those of the store's own library: s3fs tries five times, and gives a connection 5 s.
"""

from __future__ import annotations

import io
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, cast
from urllib.parse import quote, unquote

from curate import addresses
from curate.errors import FolderError
from curate.pictures.sources.base import Held, State, why, why_unfit
from curate.pictures.walk import Listing, why_ignored
from curate.records import LeftOut

BLOCK = 1 << 20  # bytes fetched at once by a stream
_SETTLED = 2.0  # s: a change within the same second as another does not show in a date of whole seconds
_VERSIONS = ("VersionId", "version_id", "versionId", "generation", "ETag", "etag", "md5Hash", "content_md5", "blob_id")
# what stores call the version or the digest of an object: S3, Google, Azure, Hugging Face
_DATES = ("LastModified", "last_modified", "mtime", "updated", "modified", "created")
_EXTRAS = {
    "s3": "pip install 'lora-curate[s3]'",
    "s3a": "pip install 'lora-curate[s3]'",
    "http": "pip install 'lora-curate[s3]', which brings aiohttp",
    "https": "pip install 'lora-curate[s3]', which brings aiohttp",
    "gs": "pip install gcsfs",
    "gcs": "pip install gcsfs",
    "az": "pip install adlfs",
    "abfs": "pip install adlfs",
}


class RemoteFiles:
    """The objects below an address, as fsspec lists them."""

    threads = 16  # at once: a request to a store takes some 50 ms, of which this machine waits nearly all

    def __init__(self, address: str) -> None:
        self.address = address
        self._connected: tuple[int, Any, str] | None = None  # process, file system, its own name of the address

    def __getstate__(self) -> str:
        return self.address

    def __setstate__(self, address: str) -> None:
        self.address, self._connected = address, None

    @property
    def place(self) -> str:
        return self.address

    def connect(self) -> tuple[Any, str]:
        """fsspec's file system, and its own name of the address. Raises FolderError where there is none."""
        if self._connected is None or self._connected[0] != os.getpid():
            self._connected = (os.getpid(), *_opened(self.address))
        return self._connected[1:]

    def held(self) -> Held:
        system, root = self.connect()
        try:
            with door():
                found = _found(system, root)
                kind = "" if found and root not in found else _kind(system, root)
        except OSError as error:
            raise self.refused(error) from error
        if kind == "file":
            raise FolderError(self.address, "a file, not a folder", "Give the address that it lies below")
        if not found and kind != "directory":
            raise FolderError(self.address, "nothing lies there", "Check the address")
        listing, states = Listing(), {}
        for name, told in found.items():
            path = self._below(root, name)
            if not path or path.endswith("/") or ("?" in name.rpartition("/")[2] and self._is_web):
                continue  # a bucket's mark of a folder; a web server's links that sort its listing
            folders = path.split("/")[:-1]
            if reason := why_unfit(path) or why_ignored(path):
                listing.ignored.append(LeftOut(path=path, reason=reason))
                continue
            listing.files.append(path)
            listing.folders.update("/".join(folders[:depth]) for depth in range(len(folders) + 1))
            states[path] = state_of(told)
        listing.files.sort()
        return Held(listing=listing, states=states)

    def state(self, path: str) -> State:
        system, root = self._reached()
        with door():
            told = system.info(self._name(root, path))
        if told.get("type") == "directory":
            raise OSError("a folder, not a file")
        return state_of(told)

    def read(self, path: str, start: int = 0, size: int | None = None) -> bytes:
        system, root = self._reached()
        parts: dict[str, int] = {} if size is None and not start else {"start": start}
        if size is not None:
            parts["end"] = start + size
        with door():
            return cast(bytes, system.cat_file(self._name(root, path), **parts))

    def open(self, path: str) -> BinaryIO:
        size = self.state(path).size
        if size is None:
            return io.BytesIO(self.read(path))
        return cast(BinaryIO, io.BufferedReader(_Pieces(self, path, size), BLOCK))

    def whole_path(self, path: str) -> Path | None:
        return None

    def why_unreadable(self, path: str, error: OSError) -> str:
        return why(error)

    def _reached(self) -> tuple[Any, str]:
        """The same as `connect`, where one file is wanted: whatever fails is OSError."""
        try:
            return self.connect()
        except FolderError as error:
            raise ConnectionError(f"{error.problem}. {error.advice}") from error

    def refused(self, error: OSError) -> FolderError:
        """Why the address as a whole cannot be used."""
        if isinstance(error, FileNotFoundError):
            return FolderError(self.address, f"nothing lies there ({_line(error)})", "Check the address")
        if isinstance(error, PermissionError):
            advice = "Check the store's credentials, and that they may list and read there"
            return FolderError(self.address, f"the store refuses access ({_line(error)})", advice)
        advice = "Check the address, the network and the store's credentials"
        if "credentials" in str(error) and self.address.startswith("s3"):
            advice = "Set AWS_PROFILE or the store's other variables, or FSSPEC_S3_ANON=true for a public bucket"
        return FolderError(self.address, f"cannot be listed ({_line(error)})", advice)

    @property
    def _is_web(self) -> bool:
        return self.address.startswith(("http://", "https://"))

    def _below(self, root: str, name: str) -> str:
        path = name[len(root.rstrip("/")) :].removeprefix("/")
        return unquote(path) if self._is_web else path

    def _name(self, root: str, path: str) -> str:
        start = f"{root.rstrip('/')}/" if root else ""
        return f"{start}{quote(path) if self._is_web else path}"


class _Pieces(io.RawIOBase):
    """An object as a stream. The libraries' own raise what is no OSError, and that in memory is one for all readers."""

    def __init__(self, files: RemoteFiles, path: str, size: int) -> None:
        self._files, self._path, self._size, self._at = files, path, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, start + offset)
        return self._at

    def readinto(self, buffer: Any) -> int:
        wanted = min(len(buffer), self._size - self._at)
        data = self._files.read(self._path, self._at, wanted) if wanted > 0 else b""
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


@contextmanager
def door() -> Iterator[None]:
    """What a store's library raises, as OSError. Each has exceptions of its own, so all that is none is taken."""
    try:
        yield
    except (OSError, FolderError):
        raise
    except Exception as error:
        raise OSError(f"{type(error).__name__}: {error}") from error


def state_of(told: Mapping[str, Any]) -> State:
    """What a listing says of an object."""
    size = told.get("size")
    length = int(size) if isinstance(size, (int, float)) else None
    version = next((f"{name} {told[name]}" for name in _VERSIONS if told.get(name)), "")
    if not version and length is not None:
        date = next((told[name] for name in _DATES if told.get(name)), None)
        seconds = date.timestamp() if isinstance(date, datetime) else date
        if isinstance(seconds, (int, float)) and time.time() - seconds > _SETTLED:
            version = f"date {seconds!r}"
    return State(length, version)


def _opened(address: str) -> tuple[Any, str]:
    scheme = address.partition("://")[0].rpartition("::")[2]
    try:
        import fsspec.core

        with door_to_import():
            system, root = fsspec.core.url_to_fs(address)
    except ImportError as error:
        advice = _EXTRAS.get(scheme.lower(), f"Install what it needs ({_line(error)})")
        advice = f"Install it: {advice}" if advice.startswith("pip") else advice
        raise FolderError(address, f"reading {scheme}:// needs a library that is not installed", advice) from None
    except ValueError:
        raise FolderError(address, f"no store is known by {scheme}://", "Check the address") from None
    except OSError as error:
        raise RemoteFiles(address).refused(error) from error
    return system, str(root)


@contextmanager
def door_to_import() -> Iterator[None]:
    try:
        yield
    except (ImportError, ValueError, OSError):
        raise
    except Exception as error:
        raise OSError(f"{type(error).__name__}: {error}") from error


def _found(system: Any, root: str) -> dict[str, Any]:
    """All objects below, afresh; the library's own copy of the listing is not kept, since it would age."""
    system.invalidate_cache()
    found = system.find(root, detail=True)
    system.invalidate_cache()
    return dict(found) if found else {}


def _kind(system: Any, root: str) -> str:
    """file, directory, or "" for what is not there."""
    try:
        return str(system.info(root)["type"])
    except FileNotFoundError:
        return ""


def _line(error: Exception) -> str:
    told = str(error).strip().splitlines() or [type(error).__name__]
    return addresses.shown(told[0])[:200]
