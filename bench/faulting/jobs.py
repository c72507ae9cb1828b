"""What is killed and hindered: the work of `curate scan`, `export`, `fill` and `review`."""

from __future__ import annotations

import hashlib
import io
from dataclasses import replace
from pathlib import Path
from typing import Any

from curate import output, pages, pipeline, pool
from curate.decisions import open_journal
from curate.settings import ScanSettings
from faulting.world import World, digests

DAMAGED = "damaged"  # word of the note on a cache that was set aside


def warm() -> None:
    """Imports everything that the jobs use, so that forked ones begin at once."""
    import cv2  # noqa: F401
    import faiss  # noqa: F401
    import filelock  # noqa: F401
    import imagehash  # noqa: F401
    import pillow_heif  # noqa: F401
    import rich.console  # noqa: F401
    import scipy.fft
    import scipy.sparse.csgraph  # noqa: F401
    import starlette.applications  # noqa: F401
    import uvicorn.protocols.http.h11_impl  # noqa: F401
    from PIL import Image, ImageCms, ImageFilter  # noqa: F401

    from curate import copies, diversity, features, pictures, plan  # noqa: F401
    from curate.pages import review  # noqa: F401

    Image.init()


def scan(world: World, settings: ScanSettings | None = None) -> str:
    """The JSON of a scan."""
    return pages.as_json(pipeline.scan(world.set, settings or world.settings()))


def export(world: World, word: str = "first", *, update: bool = False, link: Any = "") -> dict[str, str]:
    """The digests of all that was written."""
    settings = output.Settings(trainer="kohya", trigger=word)
    written = pipeline.export(world.set, world.out, settings, scan_settings=world.settings(), update=update, link=link)
    return {one.path: one.digest for one in written.files}


def fill(world: World) -> dict[str, str]:
    """The digests of the picks that were copied."""
    pool.check_copy_to(world.out, world.pool, world.set)
    found = pool.fill(world.pool, world.set, 5, world.settings())
    pool.copy_to(found, world.out)
    return digests(world.out)


def review(world: World, told: Path) -> None:
    """Serves the page; its address is written to `told`."""
    from curate.pages.review import Place, Reviewed, serve
    from curate.plan import PlanSettings

    settings = world.settings()
    measured = pipeline.measured(world.set, settings)
    journal, deciding = open_journal(world.set, settings), pipeline.Deciding(measured)
    reviewed = Reviewed(
        journal=journal,
        decide=deciding,
        exact=deciding.exact,
        suppose=deciding.suppose,
        plan=pipeline.recommend,
        export=pipeline.export,
        exports=world.places,
        budget=PlanSettings(target_steps=1000),
        cache=settings.cache,
    )

    def ready(address: str) -> None:
        partial = told.with_suffix(".partial")
        partial.write_text(address, encoding="ascii")
        partial.rename(told)

    serve(reviewed, Place(), ready=ready, renewed=lambda address: None)


def decided(world: World) -> dict[str, tuple[str, str]]:
    """What is on the disk: caption and verdict of each picture, by path."""
    journal = open_journal(world.set, world.settings())
    if journal.problems:
        raise AssertionError(f"the journal says: {journal.problems}")
    found: dict[str, tuple[str, str]] = {}
    for one in journal.listing():
        caption, verdict = found.get(one.path, ("", ""))
        found[one.path] = (one.text or "", verdict) if one.kind == "caption" else (caption, one.kind)
    return found


def cache_is_sound(world: World) -> list[str]:
    """What is wrong with what lies in the cache folder."""
    import sqlite3

    from PIL import Image

    wrong = []
    for path in sorted(world.cache.rglob("*")):
        if path.suffix == ".sqlite3":
            line = sqlite3.connect(path)
            verdict = line.execute("PRAGMA integrity_check").fetchone()[0]
            line.close()
            if verdict != "ok":
                wrong.append(f"{path.name}: {verdict}")
        elif path.suffix == ".jpg":
            with Image.open(io.BytesIO(path.read_bytes())) as picture:
                picture.load()
        elif path.suffix == ".damaged":
            wrong.append(f"{path.name} was set aside")
    return wrong


def is_whole(place: Path) -> str:
    """ "" for an exported set that is as its manifest says, else what is wrong."""
    found = output.verify(place)
    return "" if found.sound else output.verify_lines(found)[-1]


def short(text: str) -> str:
    """A name for a long answer."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:12]


__all__ = ["cache_is_sound", "decided", "export", "fill", "is_whole", "replace", "review", "scan", "short", "warm"]
