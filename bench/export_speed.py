"""How long an export of pictures that need no change takes, beside copying the same files.

    python bench/export_speed.py [--pictures 10000] [--pairs 5] [--side 160]

Draws pictures of noise with captions into a temporary folder, then alternates: draft and write of the whole set for
kohya, `cp -r` and one sync of the same files, and the export by hard links. What a scan knows of the pictures is taken
as known. Linux and macOS. Prints a line for each pair and the median of the ratios.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from curate import output, pictures
from curate.output.records import Link
from curate.records import Catalog, Facts

SIDE = 160  # px: 20 kB a picture, so that files count and not bytes; 560 px are 245 kB
REST = 1.5  # s between two runs, for the disk


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=10_000)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--side", type=int, default=SIDE, help="px of a picture")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        source, work = Path(place, "set"), Path(place, "work")
        work.mkdir()
        draw(source, options.pictures, options.side)
        catalog = pictures.scan(source)
        ratios = []
        for pair in range(options.pairs):
            copied = seconds(lambda to=work / f"copy{pair}": copy(source, to))
            exported = seconds(lambda to=work / f"export{pair}": export(catalog, to))
            linked = seconds(lambda to=work / f"linked{pair}": export(catalog, to, "hard"))
            ratios.append(exported / copied)
            print(f"copy {copied:.2f} s  export {exported:.2f} s  ratio {ratios[-1]:.2f}  hard links {linked:.2f} s")
        print(f"median ratio {statistics.median(ratios):.2f}")


def draw(folder: Path, count: int, side: int = SIDE) -> None:
    """Different pictures of noise, each with a caption."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number in range(count):
        noise = rng.integers(0, 256, (side, side, 3), dtype=np.uint8)
        Image.fromarray(noise).save(folder / f"{number:06}.jpg", quality=85)
        (folder / f"{number:06}.txt").write_text(f"picture {number}\n", encoding="utf-8")
    os.sync()


def copy(source: Path, to: Path) -> None:
    subprocess.run(["cp", "-r", str(source), str(to)], check=True)
    os.sync()


def export(catalog: Catalog, to: Path, link: Link = "") -> None:
    facts = Facts(
        width=SIDE,
        height=SIDE,
        format="JPEG",
        mode="RGB",
        orientation=1,
        has_alpha=False,
        frames=1,
        profile="",
        bits=8,
        pixel_digest="0" * 64,
    )
    items = tuple(output.Item(picture=picture, facts=facts) for picture in catalog.pictures)
    wanted = output.Export(folder=catalog.folder, items=items, settings=output.Settings(trainer="kohya"))
    output.write(output.draft(wanted, to), to, link=link)


def seconds(action: Callable[[], None]) -> float:
    time.sleep(REST)
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
