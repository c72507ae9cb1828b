"""A small world: a set and a pool with something of everything, a cache, and places to write to."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from curate import ScanSettings

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIDE = 96  # px: more than the 64 below which exports leave pictures out, and quick
GPS = 0x8825  # EXIF 2.32, 4.6.3


class Tiny:
    """An embedder without weights: what is left of a picture in 8 x 8 pixels. Quick, and the same on every machine."""

    key, name, device, side, concurrent = "tiny 1", "tiny", "cpu", 8, True

    def prepare(self, rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
        small = Image.fromarray(rgb).resize((self.side, self.side), Image.Resampling.BOX)
        return np.asarray(small)

    def embed(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        rows = batch.reshape(len(batch), -1).astype(np.float32) - 127.5
        found: NDArray[np.float32] = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
        return found


def install() -> None:
    """From now on every scan in this process uses Tiny, whose scale is given."""
    from curate import features
    from curate.diversity import Scale
    from curate.stages import measured

    scale = Scale(
        u=0.2,
        half_similarity=0.8,
        calibrated=True,
        edit_auc={},
        burst_effective=1.0,
        edit_floor=0.5,
        edit_quantiles=(),
        edit_least={},
    )
    features.choose = lambda settings, *, store=None, progress=None: (Tiny(), "tiny, for the bench")
    measured._scale = lambda embedder, store, told: scale


@dataclass(frozen=True, slots=True)
class World:
    """Where everything lies."""

    root: Path

    @property
    def set(self) -> Path:
        return self.root / "set"

    @property
    def pool(self) -> Path:
        return self.root / "pool"

    @property
    def cache(self) -> Path:
        return self.root / "cache"

    @property
    def places(self) -> Path:
        """The folder in which sets are written: nothing else lies in it."""
        return self.root / "places"

    @property
    def out(self) -> Path:
        return self.places / "out"

    @property
    def desk(self) -> Path:
        return self.root / "desk"

    def settings(self, **more: Any) -> ScanSettings:
        return ScanSettings(
            **{"cache": self.cache, "views": "off", "offline": True, "workers": 2, "resolution": 64, **more}
        )

    def without_cache(self) -> None:
        shutil.rmtree(self.cache, ignore_errors=True)


def made(root: Path, pictures: int = 8) -> World:
    """The world drawn below an empty folder."""
    world = World(root)
    for folder in (world.set, world.pool, world.places, world.desk, world.set / "sub"):
        folder.mkdir(parents=True)
    rng = np.random.default_rng(11)
    for number in range(pictures):
        suffix = ("jpg", "png", "bmp", "webp")[number % 4]
        draw(rng, world.set / f"p{number}.{suffix}", placed=number == 0)
        (world.set / f"p{number}.txt").write_text(f"picture {number}", encoding="utf-8")
        draw(rng, world.pool / f"q{number}.jpg")
    with Image.open(world.set / "p0.jpg") as first:
        first.save(world.set / "sub" / "copy.jpg", quality=60)
    Image.new("L", (SIDE, SIDE), 255).save(world.set / "p1-masklabel.png")
    (world.set / "broken.jpg").write_bytes((world.set / "p0.jpg").read_bytes()[:700])
    (world.set / ".hidden.png").write_bytes(b"hidden")
    (world.set / "notes.pdf").write_bytes(b"%PDF-1.4")
    for path in world.set.rglob("*"):
        if path.is_file():
            os.utime(path, ns=(10**18, 10**18))  # long ago, so that the cache trusts the stamps
    return world


def draw(rng: np.random.Generator, path: Path, *, placed: bool = False) -> None:
    """A picture that looks like no other and is sharp; `placed`: it tells where it was taken."""
    rough = Image.fromarray(rng.integers(40, 215, (6, 6, 3), dtype=np.uint8))
    more: dict[str, Any] = {}
    if placed:
        exif = Image.Exif()
        exif[GPS] = {1: "N", 2: (52.0, 31.0, 12.0)}
        more["exif"] = exif.tobytes()
    smooth = np.asarray(rough.resize((SIDE, SIDE), Image.Resampling.BICUBIC)).astype(np.int16)
    grain = rng.integers(-30, 30, (SIDE, SIDE, 1))
    Image.fromarray(np.clip(smooth + grain, 0, 255).astype(np.uint8)).save(path, **more)


def state(folder: Path) -> dict[str, tuple[Any, ...]]:
    """All that a program could change below a folder: names, kinds, modes, owners, bytes, times, attributes."""
    found = {}
    for path in (folder, *sorted(folder.rglob("*"))):
        status = path.lstat()
        kind = stat.S_IFMT(status.st_mode)
        bytes_ = hashlib.sha256(path.read_bytes()).hexdigest() if kind == stat.S_IFREG else ""
        extra = _attributes(path)
        found[str(path.relative_to(folder))] = (
            *(kind, stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid, status.st_nlink, status.st_size),
            *(status.st_mtime_ns, status.st_ctime_ns if os.name != "nt" else 0, status.st_ino),
            *(bytes_, extra, str(path.readlink()) if path.is_symlink() else ""),
        )
    return found


def _attributes(path: Path) -> tuple[tuple[str, bytes], ...]:
    if not hasattr(os, "listxattr"):
        return ()
    try:
        names = os.listxattr(path, follow_symlinks=False)
        return tuple((name, os.getxattr(path, name, follow_symlinks=False)) for name in sorted(names))
    except OSError:  # a file system without any
        return ()


def digests(folder: Path) -> dict[str, str]:
    """Every file's SHA-256."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
