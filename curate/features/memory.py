"""What is remembered between runs.

A store is a table of (part, key) -> bytes. A part names what was measured and by which version or model, so that
nothing old is ever read as something new; a key is a digest, two digests, a path or a model. Which parts and keys there
are is said here, once for every store; `store.SqliteStore` is the one that lasts.
"""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress

_STATE = struct.Struct("<QqqQ32s")  # size in bytes, mtime and ctime in ns, inode, SHA-256
_VERDICT, _SCALE, _FILE, _FOLDER, _PLAN, _LAST = "pair ", "scale", "file", "folder", "plan", "last "  # parts
_OBJECT = "object"

MEASURED = ("picture ", "glance ", "embedding ", "views ")  # how parts of what was measured of pictures begin

Parts = Mapping[str, Mapping[str, bytes]]  # part -> key -> value


class Store:
    """A store, which as it stands remembers nothing. One that does overrides each, put, put_later, has, close."""

    _beside: tuple[str, dict[str, bytes]] = ("", {})  # the folder whose files were asked for last: path -> state

    @property
    def problems(self) -> tuple[str, ...]:
        """What went wrong with it: a line each, for the user."""
        return ()

    def get(self, part: str, keys: Sequence[str]) -> dict[str, bytes]:
        """The values that are remembered; keys without one are absent."""
        return dict(self.each(part, keys))

    def each(self, part: str, keys: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        """The same bit by bit: values of a large set need not be held all at once. In no certain order, and a key may
        come twice, with equal values."""
        yield from ()

    def holds(self, parts: Sequence[str], keys: Sequence[str]) -> set[str]:
        """Those of the keys that values are remembered of in each of the parts."""
        return set(keys).intersection(*(self.get(part, keys) for part in parts))

    def put(self, parts: Parts) -> None:
        """Remembers the values of several parts together, all or none."""

    def put_later(self, part: str, key: str, value: bytes) -> None:
        """Remembers one value, at the latest when the store is closed: for values that come singly."""

    def has(self, part: str) -> bool:
        """Whether anything is remembered under that part."""
        return False

    def close(self) -> None:
        """Ends the use of the store; what was handed over is kept."""

    def get_verdicts(self, pairs: Sequence[tuple[str, str]], method: str) -> dict[tuple[str, str], str]:
        """What was found of pairs of digests by that version of the method."""
        names = {a + b: (a, b) for a, b in pairs}
        return {names[key]: text.decode() for key, text in self.get(_VERDICT + method, list(names)).items()}

    def put_verdicts(self, verdicts: Mapping[tuple[str, str], str], method: str) -> None:
        self.put({_VERDICT + method: {a + b: text.encode() for (a, b), text in verdicts.items()}})

    def get_scale(self, model: str) -> str | None:
        """The similarity scale, as JSON, that was found for the embedder of that key."""
        return self._text(_SCALE, model)

    def put_scale(self, model: str, scale: str) -> None:
        self.put({_SCALE: {model: scale.encode()}})

    @property
    def last_folder(self) -> str | None:
        """The folder that was scanned last."""
        return self._text(_FOLDER, "last")

    def remember_folder(self, folder: str) -> None:
        self.put({_FOLDER: {"last": folder.encode("utf-8", "surrogateescape")}})

    def get_plan(self, folder: str) -> str | None:
        """The settings, as JSON, of the last plan that was recommended for that folder."""
        return self._text(_PLAN, folder)

    def remember_plan(self, folder: str, plan: str) -> None:
        self.put({_PLAN: {folder: plan.encode()}})

    def get_last(self, what: str, folder: str) -> bytes | None:
        """What was last found of that folder. `what` names it and its version."""
        return self.get(_LAST + what, [folder]).get(folder)

    def put_last(self, what: str, folder: str, value: bytes) -> None:
        self.put({_LAST + what: {folder: value}})

    def known(self, path: str | os.PathLike[str], stat: os.stat_result) -> str | None:
        """The SHA-256 (hex) of the file, if it was remembered in the state that `stat` gives."""
        path = os.fspath(path)
        folder = os.path.dirname(path)  # noqa: PTH120
        if self._beside[0] != folder:  # all of a folder at once: 10,000 queries take a second
            with suppress(OSError):
                names = [os.path.join(folder, name) for name in os.listdir(folder)]  # noqa: PTH118, PTH208
                self._beside = folder, self.get(_FILE, names)
        if self._beside[0] != folder:
            return None
        found = self._beside[1].get(path)
        if found is None or len(found) != _STATE.size:
            return None
        *state, digest = _STATE.unpack(found)
        return digest.hex() if tuple(state) == _state(stat) else None

    def remember(self, path: str | os.PathLike[str], stat: os.stat_result, digest: str) -> None:
        """Keeps the digest of a file in the state of `stat`. The caller vouches that a later change would show."""
        path = os.fspath(path)
        state = _STATE.pack(*_state(stat), bytes.fromhex(digest))
        self.put_later(_FILE, path, state)
        if self._beside[0] == os.path.dirname(path):  # noqa: PTH120
            self._beside[1][path] = state

    def known_objects(self, states: Mapping[str, str]) -> dict[str, str]:
        """The SHA-256 (hex) of objects in stores that were remembered in this state: address -> state, and digest."""
        asked = {
            key: hashlib.sha256(state.encode("utf-8", "surrogateescape")).digest() for key, state in states.items()
        }
        found = self.get(_OBJECT, list(states))
        return {key: value[32:].hex() for key, value in found.items() if len(value) == 64 and value[:32] == asked[key]}

    def remember_object(self, address: str, state: str, digest: str) -> None:
        """Keeps the digest of an object in a store in this state. The caller vouches that a change shows in it."""
        told = hashlib.sha256(state.encode("utf-8", "surrogateescape")).digest()
        self.put_later(_OBJECT, address, told + bytes.fromhex(digest))

    def _text(self, part: str, key: str) -> str | None:
        found = self.get(part, [key]).get(key)
        return None if found is None else found.decode("utf-8", "surrogateescape")


def _state(stat: os.stat_result) -> tuple[int, int, int, int]:
    return stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino & (2**64 - 1)
