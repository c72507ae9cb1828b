"""Captions: the text files beside pictures, and the metadata files of trainers and hubs.

Of several the sidecar `.txt` comes first, then `.caption`, then the metadata file nearest above the picture.
"""

from __future__ import annotations

import codecs
import hashlib
import json
import posixpath
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from curate.pictures.signatures import CAPTION_SUFFIXES, suffix_of
from curate.records import CaptionProblem, LeftOut

SHARD_SUFFIX = ".json"
LARGEST_TEXT = 1 << 20  # bytes; the longest prompts that trainers encode are a few kilobytes
LARGEST_TABLE = 256 << 20  # bytes of a metadata file: about a kilobyte for each of 250,000 pictures

# In order of precedence. The first is kohya's own name; the others are those of its guide to fine-tuning.
_KOHYA_TABLES = ("metadata.json", "meta_clean.json", "meta_cap_dd.json", "meta_cap.json", "meta_lat.json")
TABLES = (*_KOHYA_TABLES, "metadata.jsonl", "captions.json")
_FILE_KEYS = ("file_name", "image_path", "image")  # Hugging Face; musubi-tuner and sd-scripts; others
_TEXT_KEYS = ("text", "caption", "prompt")
_UTF16_ZEROS = 0.3  # share of zero bytes from which text is UTF-16: half of them for Latin letters, none in UTF-8


@dataclass(frozen=True, slots=True)
class Caption:
    """One caption and where it came from."""

    text: str
    path: str
    problem: CaptionProblem | None = None  # None: usable as it is
    digest: str | None = None  # SHA-256 of the file, hex


@dataclass(frozen=True, slots=True)
class Captions:
    """The captions of pictures by the picture's path, and the files that gave none, with the reason."""

    of: Mapping[str, Caption]
    ignored: tuple[LeftOut, ...]


def read_text(raw: bytes) -> tuple[str, bool]:
    """The text of a file, and whether it was UTF-8.

    Byte order marks, NUL characters and outer white space are taken off, line ends become line feeds. What is not
    UTF-8 is read as UTF-16 or, as older Windows tools write it, as code page 1252.
    """
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        text, utf8 = raw.decode("utf-16", "replace"), False
    elif raw.count(0) > _UTF16_ZEROS * len(raw):
        text, utf8 = raw.decode("utf-16-le" if raw[1:2] == b"\0" else "utf-16-be", "replace"), False
    else:
        text, utf8 = _decode_bytes(raw)
    return clean(text), utf8


def clean(text: str) -> str:
    """`text` without byte order mark, NULs, lone surrogates and outer white space, with line feeds as line ends."""
    sound = text.encode("utf-8", "replace").decode("utf-8")
    return sound.replace("\ufeff", "").replace("\0", "").replace("\r\n", "\n").replace("\r", "\n").strip()


def suffixes_of(shards: bool) -> tuple[str, ...]:
    """The suffixes of files that caption one picture, in order of precedence. `shards`: in archives of WebDataset."""
    return (*CAPTION_SUFFIXES, SHARD_SUFFIX) if shards else CAPTION_SUFFIXES


def attach(
    pictures: Iterable[str], texts: Mapping[str, bytes], tables: Mapping[str, bytes], *, shards: bool = False
) -> Captions:
    """Gives each picture its caption.

    `texts`: content of caption files by path. `tables`: content of metadata files by path. `shards`: files belong
    together that share their name up to its first dot, and a .json file may hold the caption (WebDataset).
    """
    ordered = sorted(pictures)
    ignored: list[LeftOut] = []
    found = _sidecars(ordered, texts, ignored, shards)
    rank = {name: place for place, name in enumerate(TABLES)}
    for path in sorted(tables, key=lambda path: (-path.count("/"), rank[_name(path).lower()], path)):
        try:
            captions = _of_pictures(path, _parse(path, tables[path]), ordered)
        except ValueError as error:
            ignored.append(LeftOut(path=path, reason=str(error)))
            continue
        fresh = {picture: caption for picture, caption in captions.items() if picture not in found}
        if not fresh:
            reason = "its captions are not used: others come first" if captions else "captions of no picture here"
            ignored.append(LeftOut(path=path, reason=reason))
        found |= fresh
    return Captions(of=found, ignored=tuple(ignored))


def _decode_bytes(raw: bytes) -> tuple[str, bool]:
    try:
        return raw.decode("utf-8"), True
    except UnicodeDecodeError:
        try:
            return raw.decode("cp1252"), False
        except UnicodeDecodeError:  # five of its codes stand for nothing
            return raw.decode("latin-1"), False


def _sidecars(
    pictures: list[str], texts: Mapping[str, bytes], ignored: list[LeftOut], shards: bool
) -> dict[str, Caption]:
    suffixes = suffixes_of(shards)
    by_key: dict[tuple[str, str], str] = {}  # (path without suffix, lower-case suffix) -> path
    for path in sorted(texts, key=lambda path: (not path.endswith(suffixes), path)):
        stem, end = posixpath.splitext(path)
        by_key.setdefault((stem, end.lower()), path)
    found: dict[str, Caption] = {}
    first: dict[str, str] = {}  # a caption file that was passed over -> the one that came first
    for picture in pictures:
        stems = [posixpath.splitext(picture)[0], picture]  # a.txt, and failing that a.png.txt
        if shards:
            stems.append(posixpath.join(posixpath.dirname(picture), _name(picture).partition(".")[0]))
        present = [by_key[stem, end] for stem in stems for end in suffixes if (stem, end) in by_key]
        if shards:
            present = [path for path in dict.fromkeys(present) if suffix_of(path) != SHARD_SUFFIX or _told(texts[path])]
        if present:
            raw = texts[present[0]]
            told = shards and suffix_of(present[0]) == SHARD_SUFFIX
            text, utf8 = read_text(_told(raw) if told else raw)
            found[picture] = Caption(text, present[0], _problem(text, utf8), hashlib.sha256(raw).hexdigest())
            first.update(dict.fromkeys(present[1:], present[0]))
    used = {caption.path for caption in found.values()}
    for path in sorted(set(texts) - used):
        reason = f"caption not used: {_name(first[path])} comes first" if path in first else "caption without a picture"
        if suffix_of(path) == SHARD_SUFFIX and not _told(texts[path]):
            reason = "no caption in it"
        ignored.append(LeftOut(path=path, reason=reason))
    return found


def _told(raw: bytes) -> bytes:
    """The caption in the .json file of one picture, UTF-8; nothing where it holds none."""
    try:
        values = json.loads(read_text(raw)[0])
    except (ValueError, RecursionError):
        return b""
    if not isinstance(values, dict):
        return b""
    text = next((values[key] for key in ("caption", *_TEXT_KEYS) if isinstance(values.get(key), str)), "")
    return text.encode("utf-8", "replace")


def _problem(text: str, utf8: bool) -> CaptionProblem | None:
    if not text:
        return "empty"
    return None if utf8 else "not_utf8"


def _parse(path: str, raw: bytes) -> dict[str, Caption]:
    """The captions of a metadata file, by what it calls the picture. Raises ValueError where it holds none."""
    text, utf8 = read_text(raw)
    try:
        rows = _lines(text) if path.lower().endswith(".jsonl") else _object(text)
        found = {key: clean(value) for key, value in rows}
    except json.JSONDecodeError as error:
        raise ValueError(f"not valid JSON: {error.msg} in line {error.lineno}") from None
    except RecursionError:
        raise ValueError("not valid JSON: nested too deeply") from None
    if not found:
        raise ValueError("no captions in it")
    digest = hashlib.sha256(raw).hexdigest()
    return {key: Caption(value, path, _problem(value, utf8), digest) for key, value in found.items()}


def _lines(text: str) -> Iterator[tuple[str, str]]:
    """(file, caption) of each line of a .jsonl file."""
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise ValueError(f"not valid JSON: {error.msg} in line {number}") from None
        if isinstance(row, dict):
            file = next((row[key] for key in _FILE_KEYS if isinstance(row.get(key), str)), None)
            value = next((row[key] for key in _TEXT_KEYS if isinstance(row.get(key), str)), None)
            if file is not None and value is not None:
                yield file, value


def _object(text: str) -> Iterator[tuple[str, str]]:
    """(file, caption) of each entry of a .json object: kohya's {caption, tags}, or diffusion-pipe's list."""
    rows = json.loads(text)
    for file, value in rows.items() if isinstance(rows, dict) else ():
        if isinstance(value, str):
            yield file, value
        elif isinstance(value, list):
            yield file, "\n".join(item for item in value if isinstance(item, str))
        elif isinstance(value, dict):
            parts = [value[key] for key in ("caption", "tags") if isinstance(value.get(key), str)]
            if parts:
                yield file, ", ".join(part for part in parts if part)


def _of_pictures(table: str, captions: Mapping[str, Caption], pictures: list[str]) -> dict[str, Caption]:
    """The captions of a metadata file by picture. Keys may be paths with or without suffix, of this or another machine.

    A path counts from the metadata file's folder. What is not found so (absolute paths of another machine) is looked
    up by its bare name among the pictures at and below that folder, and taken where only one has it.
    """
    folder = table.rpartition("/")[0]
    names: dict[str, list[str]] = {}  # full path, path without suffix, bare name, bare stem -> pictures
    for picture in pictures:
        if folder and not picture.startswith(folder + "/"):
            continue
        name = _name(picture)
        for key in {picture, posixpath.splitext(picture)[0], f"//{name}", f"//{posixpath.splitext(name)[0]}"}:
            names.setdefault(key, []).append(picture)
    found: dict[str, Caption] = {}
    for key, caption in captions.items():
        spelled = key.replace("\\", "/")
        exact = names.get(posixpath.normpath(posixpath.join(folder, spelled)))
        alike = names.get(f"//{_name(spelled)}", [])
        for picture in exact or (alike if len(alike) == 1 else ()):
            found.setdefault(picture, caption)
    return found


def _name(path: str) -> str:
    return path.rpartition("/")[2]
