"""What curate itself wrote before and reads again: manifest, decisions, cache."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from random import Random
from zlib import crc32

from fuzzing import small


class Manifest:
    """The manifest of an export: read, verified, and its export drafted anew. Half of the inputs bear a right seal."""

    def __init__(self, folder: Path) -> None:
        import curate

        self._folder = folder / "out"
        source = small.draw(folder / "set", 3)
        analysis = curate.scan(source, small.settings(folder / "cache"), model=small.Squares())
        curate.export(analysis, self._folder)
        self._file = self._folder / "curate-manifest.json"
        self._sound = self._file.read_bytes()
        self._source = source

    def seeds(self) -> list[bytes]:
        return [self._sound]

    def run(self, data: bytes) -> None:
        from curate import output, pictures
        from curate.errors import CurateError

        if crc32(data) % 2:
            data = _sealed_anew(data)
        self._file.write_bytes(data)
        try:
            record = output.read_manifest(self._folder)
            output.verify(self._folder)
            again = output.repeat(record, pictures.scan(self._source))
            output.draft(again.export, self._folder.with_name("again"))
        except CurateError as error:
            if not str(error):
                raise AssertionError("an error without a line") from error


def _sealed_anew(data: bytes) -> bytes:
    """With the seal that the content should have, so that what stands in it is read."""
    from curate.output.recorded import SEAL, sealed

    try:
        values = json.loads(data)
        values.pop("seal", None)
        rows = "".join(f"{json.dumps(key)}: {json.dumps(value)},\n" for key, value in values.items())
        return sealed("{\n" + rows).encode()
    except (ValueError, RecursionError, AttributeError, TypeError):
        before = data.rpartition(SEAL.encode())[0]
        return sealed(before.decode("ascii", "replace").encode("ascii", "replace").decode()).encode()


class DecisionFiles:
    """A journal, and a file of exported decisions."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def seeds(self) -> list[bytes]:
        from curate.decisions import Decision, written
        from curate.decisions.journal import Journal
        from curate.records import View

        file = self._folder / "made.jsonl"
        journal = Journal(file)
        a, b = "ab" * 32, "cd" * 32
        made = (
            Decision(kind="keep", digest=a, path="a.png"),
            Decision(kind="leave_out", digest=b),
            Decision(kind="keeper", digest=a),
            Decision(kind="not_a_copy", digest=a, other=b),
            Decision(kind="caption", digest=a, path="a.png", text="nora, \u00e9"),
            Decision(kind="view", digest=b, view=View(yaw_deg=45.0, pitch_deg=-10.0, framing="close_up")),
        )
        for one in made:
            journal.add(one)
        journal.undo()
        journal.undo()
        journal.redo()
        journal.forget(made[0])
        return [file.read_bytes(), written(made, "/sets/nora").encode()]

    def run(self, data: bytes) -> None:
        from curate.decisions import Decision, read, written
        from curate.decisions.journal import Journal
        from curate.errors import DecisionError

        try:
            found = read(data.decode("utf-8", "replace"))
            if read(written(found)) != found:
                raise AssertionError("decisions do not survive being written")
        except DecisionError:
            pass
        file = self._folder / "run.jsonl"
        file.write_bytes(data)
        try:
            journal = Journal(file)
            before = journal.listing()
            added = Decision(kind="keep", digest="ef" * 32)
            journal.add(added)
            wanted = {one.slot for one in before} | {added.slot}
            if {one.slot for one in Journal(file).listing()} != wanted:
                raise AssertionError("what was decided is not read again")
            journal.undo()
            journal.redo()
        except DecisionError:
            pass


class _Scanned:
    """A set whose cache is damaged before each scan."""

    def __init__(self, folder: Path) -> None:
        self._set = small.draw(folder / "set", 3)
        self._cache = folder / "cache"
        self._right = self._scan()
        self._file = next(self._cache.glob("features-*.sqlite3"))
        with sqlite3.connect(self._file) as database:
            database.execute("PRAGMA journal_mode = DELETE")
        self._sound = self._file.read_bytes()

    def _scan(self) -> str:
        import curate
        from curate import pages

        found = curate.scan(self._set, small.settings(self._cache), model=small.Squares())
        values = json.loads(pages.as_json(found))
        values.pop("notes")
        return json.dumps(values)

    def _check(self) -> None:
        """Whatever the cache holds, the answer is the same."""
        from curate.errors import CurateError

        try:
            found = self._scan()
        except CurateError as error:
            raise AssertionError(f"a damaged cache ends a scan: {error}") from error
        if found != self._right:
            raise AssertionError("a damaged cache gives another answer")

    def _put(self, content: bytes) -> None:
        for old in self._cache.glob("features*"):
            old.unlink()
        self._file.write_bytes(content)


class CacheFile(_Scanned):
    """The SQLite file of the cache with damaged bytes."""

    def seeds(self) -> list[bytes]:
        return [self._sound]

    def run(self, data: bytes) -> None:
        self._put(data)
        self._check()


class CacheRows(_Scanned):
    """A sound SQLite file whose rows hold what nobody put there: the last byte of an input says which row."""

    def seeds(self) -> list[bytes]:
        with sqlite3.connect(self._file) as database:
            return [bytes(value) + bytes([at]) for at, (value,) in enumerate(self._rows(database))]

    def _rows(self, database: sqlite3.Connection) -> list[tuple[bytes]]:
        return database.execute("SELECT value FROM kept ORDER BY part, key").fetchall()

    def run(self, data: bytes) -> None:
        self._put(self._sound)
        database = sqlite3.connect(self._file)
        try:
            keys = database.execute("SELECT part, key FROM kept ORDER BY part, key").fetchall()
            part, key = keys[data[-1] % len(keys)] if data else Random(0).choice(keys)
            database.execute("UPDATE kept SET value = ? WHERE part = ? AND key = ?", (data[:-1], part, key))
            database.commit()
        finally:
            database.close()
        self._check()
