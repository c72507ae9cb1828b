"""Caches that are damaged, foreign, or of another version."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from random import Random

from curate.features.store import FILE
from faulting import jobs
from faulting.cases import Scene

CUTS = 20  # lengths to which the cache is cut


def cases(flips: int) -> tuple[tuple[str, Callable[[Scene], None]], ...]:
    return (
        ("a cache with a flipped bit", lambda scene: flipped(scene, flips)),
        ("a cache that is cut off", cut),
        ("a cache of another version, or none", foreign),
    )


def flipped(scene: Scene, flips: int) -> None:
    """One bit anywhere in the file, in a run of its own each."""
    whole = _kept(scene)
    for number in range(flips):
        random = Random(number)
        data = bytearray(whole)
        at = random.randrange(len(data))
        data[at] ^= 1 << random.randrange(8)
        _tried(scene, bytes(data), f"bit in byte {at}")


def cut(scene: Scene) -> None:
    whole = _kept(scene)
    for number in range(CUTS):
        _tried(scene, whole[: Random(number).randrange(len(whole))], f"cut {number}")


def foreign(scene: Scene) -> None:
    whole = _kept(scene)
    for what, make in _FOREIGN.items():
        _put(scene, whole)
        make(scene.world.cache / FILE)
        scene.scanned(scene.run(lambda: jobs.scan(scene.world)), what)
    _put(scene, whole)
    (scene.world.cache / FILE).unlink()
    (scene.world.cache / FILE).mkdir()
    scene.scanned(scene.run(lambda: jobs.scan(scene.world)), "a folder in its place")


def _kept(scene: Scene) -> bytes:
    """The cache's file with all in it, its log included."""
    line = sqlite3.connect(scene.world.cache / FILE)
    line.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    line.close()
    return (scene.world.cache / FILE).read_bytes()


def _put(scene: Scene, data: bytes) -> None:
    shutil.rmtree(scene.world.cache)
    scene.world.cache.mkdir()
    (scene.world.cache / FILE).write_bytes(data)


def _tried(scene: Scene, data: bytes, what: str) -> None:
    _put(scene, data)
    scene.scanned(scene.run(lambda: jobs.scan(scene.world)), what)
    again = scene.run(lambda: jobs.scan(scene.world))
    import json

    if again.error or {**json.loads(again.value), "notes": []} != {**scene.usual, "notes": []}:
        scene.case.fault(f"{what}: the next run is not as ever {again.error}")


def _sql(*statements: str) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        line = sqlite3.connect(path)
        for statement in statements:
            line.execute(statement)
        line.commit()
        line.close()

    return change


def _anew(*statements: str) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        path.unlink()
        _sql(*statements)(path)

    return change


_FOREIGN: dict[str, Callable[[Path], None]] = {
    "another application's file": _anew("PRAGMA application_id = 7", "CREATE TABLE kept (a, b)"),
    "ours with other columns": _sql("DROP TABLE kept", "CREATE TABLE kept (part INTEGER, name TEXT)"),
    "ours without a table": _sql("DROP TABLE parts"),
    "ours with texts for values": _sql("UPDATE kept SET value = 'text'"),
    "ours with empty values": _sql("UPDATE kept SET value = x''"),
    "ours with values of other rows": _sql("UPDATE kept SET value = (SELECT value FROM kept LIMIT 1)"),
    "an empty file": lambda path: path.write_bytes(b"") and None,
    "a text": lambda path: path.write_bytes(b"not a database at all" * 500) and None,
    "an empty database": _anew("VACUUM"),
}
