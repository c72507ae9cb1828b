"""How fast a folder is scanned, beside the limits of the same run: bare decoding and the bare model.

    python bench/speed.py FOLDER [--model builtin] [--workers 2]
    python bench/speed.py --make 1000 OUT        draws 1,000 different JPEGs of 1024 px first (--side 160: of 160 px)
    python bench/speed.py FOLDER --against fastdup imgcheck imagededup --peers ENVIRONMENTS   see peers.py

Prints one table. On a GPU (--device cuda or mps) it adds how near the whole comes to the slower of decoding alone and
the model alone. Rates are of the whole machine; a busy machine makes all of them smaller, the ratios less so.
"""

from __future__ import annotations

import argparse
import io
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
from peers import PEERS, compared
from PIL import Image

import curate
from curate import features, pictures
from curate.engine.children import end_children
from curate.features import checks, hashes, shrink, weights
from curate.records import Catalog
from curate.settings import ScanSettings

SAMPLE = 64  # pictures on which the stages are timed one by one
SIDE = 1024  # px, of drawn pictures
OCTAVES = (2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)  # cells a side, of the noise that they are drawn from
QUALITY = 90  # of their JPEG


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="folder of pictures; with --make the folder to draw into")
    parser.add_argument("--model", default="builtin", help="as of curate scan")
    parser.add_argument("--device", default="auto", help="as of curate scan")
    parser.add_argument("--workers", type=int, default=0, help="threads; 0: one a core")
    parser.add_argument("--views", choices=("auto", "off"), default="off", help="as of curate scan; fetched beforehand")
    parser.add_argument("--against", nargs="+", choices=tuple(PEERS), default=(), help="other tools, side by side")
    parser.add_argument("--peers", type=Path, default=Path("peers"), help="folder of their environments")
    parser.add_argument("--make", type=int, metavar="N", help="draw N pictures into the folder and stop")
    parser.add_argument("--side", type=int, default=SIDE, help="px, of the pictures that are drawn")
    arguments = parser.parse_args()
    if arguments.make:
        make(arguments.make, arguments.folder, arguments.side)
        return
    if arguments.against:
        print("\n".join(compared(arguments.folder, arguments.against, arguments.peers, arguments.model)))
        return
    workers = arguments.workers or os.cpu_count() or 1
    settings = ScanSettings(
        model=arguments.model, device=arguments.device, workers=workers, views=arguments.views, offline=True
    )
    print("\n".join(table(arguments.folder, settings)))


def table(folder: Path, settings: ScanSettings) -> list[str]:
    catalog = pictures.scan(folder)
    paths = [Path(catalog.folder, picture.path) for picture in catalog.pictures]
    count = len(paths)
    for path in paths:
        path.read_bytes()  # all runs read from the file cache
    embedder, _ = features.choose(settings)
    decoding = count / _seconds(lambda: _decode_all(paths, settings.workers))
    model = _model_rate(embedder, settings.workers)
    with tempfile.TemporaryDirectory() as cache:
        stored = replace(settings, cache=Path(cache))
        measuring = count / _seconds(lambda: _measure(catalog, embedder, stored))
        again = _seconds(lambda: _measure(catalog, embedder, stored))
    with tempfile.TemporaryDirectory() as cache:
        stored = replace(settings, cache=Path(cache))
        if settings.views != "off":
            shutil.copytree(weights.folder(), weights.folder(stored.cache))  # fetched before: `curate models get`
        took: list[float] = []
        took.append(_seconds(lambda: curate.scan(folder, stored)))
        took.append(_seconds(lambda: curate.scan(folder, stored)))
    decoding_after = count / _seconds(lambda: _decode_all(paths, settings.workers))
    limit = 1 / (2 / (decoding + decoding_after) + 1 / model)
    bare = (decoding + decoding_after) / 2
    rows = [
        ("bare decoding, before and after", f"{decoding:.0f} and {decoding_after:.0f} pictures/s", ""),
        (f"bare model, {embedder.name}, {embedder.device}", f"{model:.0f} pictures/s", f"{model / bare:.2f}"),
        ("decoding and model, no more", f"{limit:.0f} pictures/s", f"{limit / bare:.2f}"),
        ("measuring", f"{measuring:.0f} pictures/s", f"{measuring / bare:.2f}"),
        ("whole scan", f"{count / took[0]:.0f} pictures/s", f"{count / took[0] / bare:.2f}"),
        *(
            []
            if embedder.device == "cpu"
            else [("  of the slower of decoding and model", "", f"{measuring / min(bare, model):.2f}")]
        ),
        ("measuring again, all known", f"{again:.2f} s", ""),
        ("whole scan again", f"{took[1]:.2f} s", ""),
        ("peak memory", _peak(), ""),
        *_stages(catalog, embedder),
    ]
    head = f"{count} pictures, {sum(p.size_bytes for p in catalog.pictures) / 1e6 / count:.2f} MB each"
    return [
        f"{head}, {settings.workers} threads",
        f"{'':<52}{'':>26}  of bare decoding",
        *(f"{name:<52}{value:>26}  {ratio}".rstrip() for name, value, ratio in rows),
    ]


def _seconds(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def _decode_all(paths: Sequence[Path], workers: int) -> None:
    def decode(path: Path) -> None:
        Image.open(io.BytesIO(path.read_bytes())).convert("RGB")

    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(decode, paths))


def _model_rate(embedder: features.Embedder, workers: int) -> float:
    shape = (8 if embedder.device == "cpu" else 256, embedder.side, embedder.side, 3)
    batch = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    embedder.embed(batch)
    threads = workers if getattr(embedder, "concurrent", False) else 1
    rounds = threads * max(4, 256 // len(batch))
    with ThreadPoolExecutor(threads) as pool:
        took = _seconds(lambda: list(pool.map(embedder.embed, [batch] * rounds)))
    return rounds * len(batch) / took


def _measure(catalog: Catalog, embedder: features.Embedder, settings: ScanSettings) -> None:
    with features.open_store(settings) as store:
        features.measure(catalog, embedder, store, settings)


@features.one_core_a_thread()
def _stages(catalog: Catalog, embedder: features.Embedder) -> list[tuple[str, str, str]]:
    """Milliseconds of a core a picture, and shares of their sum: what each stage costs, other programs left out."""
    source = pictures.Source(catalog.folder)
    sample = catalog.pictures[:: max(1, len(catalog.pictures) // SAMPLE)][:SAMPLE]
    took: dict[str, float] = {}

    def timed(stage: str, results: Callable[[], list[object]]) -> list[object]:
        start = time.process_time()
        made = results()
        took[stage] = took.get(stage, 0.0) + time.process_time() - start
        return made

    for picture in sample:
        (data,) = timed("read", lambda path=picture.path: [source.read(path)])
        (decoded,) = timed("decode, digest of the pixels", lambda data=data: [pictures.decode(data, quick=True)])
        rgb = decoded.rgb
        (view,) = timed("grey, and reduced", lambda rgb=rgb: [checks.view(rgb)])
        for check in checks.CHECKS:
            name = check.__name__.rpartition(".")[2]
            timed(f"check: {name}", lambda check=check, view=view: [check.measure(view)])
        timed("hashes", lambda view=view: [hashes.eight(view.small)])
        timed("thumbnail", lambda view=view: [shrink.fit(view.small, features.thumbnails.LONG_SIDE)])
        (square,) = timed("square for the model", lambda rgb=rgb: [embedder.prepare(rgb)])
        timed("embedding", lambda square=square: [embedder.embed(square[None])])
    whole = sum(took.values())
    ordered = sorted(took.items(), key=lambda item: -item[1])
    return [
        (f"  {stage}", f"{1e3 * time_ / len(sample):.1f} ms", f"{100 * time_ / whole:.0f} %")
        for stage, time_ in ordered
    ]


def _peak() -> str:
    if sys.platform == "win32":
        return "not measured"
    import resource

    whose = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    end_children()  # what a child took is told when it has ended
    unit = 1 if sys.platform == "darwin" else 1024  # bytes on macOS, KiB on Linux
    own, child = (resource.getrusage(who).ru_maxrss * unit / 2**20 for who in whose)
    return f"{own:.0f} MiB, {child:.0f} in a child"


def make(count: int, folder: Path, side: int = SIDE) -> None:
    """Draws pictures that differ all over: coloured noise of ten scales with a random weight each, and on it shapes of
    random outline and colour. None is a copy of another."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        Image.fromarray(draw(np.random.default_rng(number), side)).save(folder / f"{number:05d}.jpg", quality=QUALITY)


def draw(rng: np.random.Generator, side: int = SIDE) -> np.ndarray:
    import cv2

    picture = np.zeros((side, side, 3), np.float32)
    for cells in (one for one in OCTAVES if one <= side):
        noise = rng.standard_normal((cells, cells, 3), dtype=np.float32) * np.float32(
            rng.uniform(0.2, 1.0) * cells**-0.3
        )
        picture += cv2.resize(noise, (side, side), interpolation=cv2.INTER_LINEAR)
    gain, level = rng.uniform(25, 60) / picture.std(), rng.uniform(70, 180, size=3)
    flat = np.clip(picture * np.float32(gain) + level.astype(np.float32), 0, 255).astype(np.uint8)
    for _ in range(rng.integers(4, 16)):
        corners = rng.integers(3, 9)
        angles = np.sort(rng.uniform(0, 2 * np.pi, corners))
        reach = rng.uniform(0.05, 0.35, corners)[:, None] * side
        outline = rng.uniform(0, side, 2) + reach * np.stack((np.cos(angles), np.sin(angles)), axis=1)
        covered = cv2.fillPoly(flat.copy(), [outline.astype(np.int32)], rng.uniform(0, 255, size=3).tolist())
        share = rng.uniform(0.4, 1.0)
        flat = cv2.addWeighted(covered, share, flat, 1 - share, 0)
    return flat


if __name__ == "__main__":
    main()
