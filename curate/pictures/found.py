"""Files by what they are, while a place is being read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from curate.pictures import captions, signatures
from curate.records import LeftOut

CHUNK = 1 << 20  # bytes read at once


@dataclass(slots=True)
class Found:
    """What was found so far. Each file is in one of these."""

    pictures: dict[str, tuple[str, int]] = field(default_factory=dict)  # path -> SHA-256, bytes
    texts: dict[str, bytes] = field(default_factory=dict)  # caption files, path -> content
    tables: dict[str, bytes] = field(default_factory=dict)  # metadata files, likewise
    broken: list[LeftOut] = field(default_factory=list)
    ignored: list[LeftOut] = field(default_factory=list)

    def take_text(self, path: str, reason: str, head: bytes, read: Callable[[int], bytes], *, shards: bool) -> None:
        """Keeps what may be captions; ignores the rest for that reason. `read` goes on after `head`."""
        largest = caption_limit(path, shards=shards)
        if not largest:
            self.ignore(path, reason)
            return
        content = _read_up_to(head, read, largest + 1)
        if len(content) > largest:
            self.ignore(path, f"too large for captions: more than {largest >> 20} MiB")
        elif is_table(path):
            self.tables[path] = content
        else:
            self.texts[path] = content

    def set_broken(self, path: str, reason: str) -> None:
        self.broken.append(LeftOut(path=path, reason=reason))

    def ignore(self, path: str, reason: str) -> None:
        self.ignored.append(LeftOut(path=path, reason=reason))


def is_table(path: str) -> bool:
    """Whether it is a metadata file, by its name."""
    return path.rpartition("/")[2].lower() in captions.TABLES


def caption_limit(path: str, *, shards: bool) -> int:
    """Bytes up to which a file is read for captions, by its name; 0 where it holds none. `shards`: as archives have
    them."""
    if is_table(path):
        return captions.LARGEST_TABLE
    suffixes = captions.suffixes_of(shards)
    return captions.LARGEST_TEXT if signatures.suffix_of(path) in suffixes else 0


def _read_up_to(head: bytes, read: Callable[[int], bytes], limit: int) -> bytes:
    parts, size = [head], len(head)
    while size < limit and (chunk := read(min(CHUNK, limit - size))):
        parts.append(chunk)
        size += len(chunk)
    return b"".join(parts)
