"""Sound inputs -> inputs that nobody would make on purpose. Each is a pure function of its random generator."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

EXTREMES = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
HEADER = 512  # bytes in which most formats keep what the rest is read by
LARGEST = 1 << 20  # bytes of an input: longer ones only cost time
PNG = b"\x89PNG\r\n\x1a\n"
TOKENS = (
    *("null", "true", "-1", "0", "1e999", "-1e999", "NaN", "Infinity", "1" * 400, "9" * 5000, "0x7fffffffffffffff"),
    *('""', '"', "'", "'''", '"""', "\\", "\\u0000", '"\\ud800"', "\0", "\ufeff", "\u202e", "\x1b[2J", "\r", "\n\n"),
    *(
        "[" * 2000,
        "{" * 2000,
        '{"a":' * 2000,
        "[]",
        "{}",
        "- " * 500,
        "? ",
        "&a [*a]",
        "*a",
        "!!python/object:os.system",
    ),
    *(
        "[[datasets]]",
        "[[[]]]",
        "1979-05-27",
        "12:30:45",
        "2001-99-99",
        "<<: *a",
        "%YAML 9.9",
        "---",
        "...",
        ": ",
        "# ",
    ),
    *(
        "../../etc/passwd",
        "C:\\nul",
        "con",
        "a" * 300,
        "\U0001f600",
        "<script>alert(1)</script>",
        "${HOME}",
        "$(id)",
        "`id`",
    ),
)
ODD_VALUES: tuple[Any, ...] = (
    *(
        None,
        True,
        False,
        0,
        -1,
        1,
        2**31,
        2**63,
        -(2**63),
        10**40,
        0.5,
        -0.0,
        1e308,
        1e-320,
        float("inf"),
        float("nan"),
    ),
    *("", " ", "x", "0", "\0", "\ud800", "a" * 5000, "../x", "/etc/passwd", "C:\\x", "nul", "\n", "\u202e", "<b>", "é"),
    *([], {}, [[]], [None], {"": None}, ["x"] * 50, {"kind": "keep"}, [[1, 2], [3]]),
)


def mutated(data: bytes, other: bytes, random: Random) -> bytes:
    """One to eight changes, most of them small. `other` is another sound input, for splices."""
    for _ in range(1 << random.randrange(4)):
        data = random.choice(BYTES)(data, other, random)[:LARGEST]
    if data.startswith(PNG) and random.random() < 0.7:
        data = _summed(data)
    return data


def mutated_text(data: bytes, other: bytes, random: Random) -> bytes:
    """The same for what is text: words that parsers trip over, and for JSON values in the wrong place too."""
    if random.random() < 0.5 and (changed := mutated_json(data, random)) is not None:
        return changed
    for _ in range(1 << random.randrange(3)):
        choice = random.random()
        if choice < 0.5:
            at = random.randrange(len(data) + 1)
            word = random.choice(TOKENS).encode("utf-8", "surrogatepass")
            data = data[:at] + word + data[at + random.choice((0, 0, len(word), 1)) :]
        elif choice < 0.7:
            lines = data.split(b"\n")
            at = random.randrange(len(lines))
            lines[at:at] = random.sample(lines, min(len(lines), random.randrange(1, 4)))
            data = b"\n".join(lines)
        else:
            data = random.choice(BYTES)(data, other, random)
        data = data[:LARGEST]
    return data


def mutated_json(data: bytes, random: Random) -> bytes | None:
    """JSON with some values replaced, removed, renamed or repeated; None for what is no JSON."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return None
    for _ in range(1 << random.randrange(3)):
        value = _odd(value, random)
    return json.dumps(value).encode()


def _odd(value: Any, random: Random) -> Any:
    """Walks down to some value and changes it."""
    if isinstance(value, (dict, list)) and value and random.random() < 0.85:
        copied: Any = dict(value) if isinstance(value, dict) else list(value)
        keys = list(copied) if isinstance(copied, dict) else range(len(copied))
        key = random.choice(keys)
        choice = random.random()
        if choice < 0.1:
            del copied[key]
        elif choice < 0.2 and isinstance(copied, dict):
            copied[str(random.choice(TOKENS))[:60]] = copied.pop(key)
        elif choice < 0.25 and isinstance(copied, list):
            copied.insert(key, copied[key])
        else:
            copied[key] = _odd(copied[key], random)
        return copied
    return random.choice(ODD_VALUES)


def _place(data: bytes, random: Random) -> int:
    """A byte of the input, more often one of its head."""
    if not data:
        return 0
    return random.randrange(min(len(data), HEADER) if random.random() < 0.6 else len(data))


def _flip(data: bytes, other: bytes, random: Random) -> bytes:
    changed = bytearray(data)
    for _ in range(random.choice((1, 1, 2, 8, 32)) if data else 0):
        changed[_place(data, random)] ^= 1 << random.randrange(8)
    return bytes(changed)


def _extreme(data: bytes, other: bytes, random: Random) -> bytes:
    """A number of 1 to 8 bytes, of either order, set to an extreme or changed by little."""
    size = random.choice((1, 2, 2, 4, 4, 8))
    at = _place(data, random)
    order = random.choice("<>")
    value = random.choice(EXTREMES) + random.choice((0, 0, 0, 1, -1))
    packed = struct.pack(f"{order}{'xBH_I___Q'[size]}", value % (1 << 8 * size))
    return data[:at] + packed + data[at + size :]


def _truncated(data: bytes, other: bytes, random: Random) -> bytes:
    return data[: random.randrange(len(data) + 1)]


def _cut(data: bytes, other: bytes, random: Random) -> bytes:
    at = _place(data, random)
    return data[:at] + data[at + random.choice((1, 2, 4, 12, 64, 1024)) :]


def _repeated(data: bytes, other: bytes, random: Random) -> bytes:
    at, size = _place(data, random), random.choice((1, 4, 12, 64, 1024))
    return data[:at] + data[at : at + size] * random.choice((2, 3, 50)) + data[at + size :]


def _spliced(data: bytes, other: bytes, random: Random) -> bytes:
    return data[: _place(data, random)] + other[_place(other, random) :]


def _noise(data: bytes, other: bytes, random: Random) -> bytes:
    at, size = _place(data, random), random.choice((1, 4, 16, 256))
    return data[:at] + random.randbytes(size) + data[at + random.choice((0, size)) :]


BYTES: Sequence[Callable[[bytes, bytes, Random], bytes]] = (
    *(_flip, _flip, _extreme, _extreme, _truncated, _cut, _repeated, _spliced, _noise),
)


def _summed(png: bytes) -> bytes:
    """A PNG whose chunks bear the right check sums again, so that what was changed in them is read."""
    parts, at = [PNG], len(PNG)
    while at + 12 <= len(png):
        size = int.from_bytes(png[at : at + 4], "big")
        if at + 12 + size > len(png):
            break
        body = png[at + 4 : at + 8 + size]
        parts += [png[at : at + 4], body, struct.pack(">I", zlib.crc32(body))]
        at += 12 + size
    return b"".join([*parts, png[at:]])
