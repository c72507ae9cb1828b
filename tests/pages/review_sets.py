"""A small drawn set to review, and the page's parts round it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from curate import pipeline
from curate.decisions import open_journal
from curate.pages.review import Keys, Reviewed, Session
from curate.plan import PlanSettings
from curate.settings import ScanSettings
from curate.stages.deciding import Deciding
from curate.stages.measured import Measured, measured

ORIGIN = "http://127.0.0.1:4000"
HOSTILE = "<img src=x onerror=alert(1)>\u202egnp.exe</script>"


def draw(folder: Path) -> Path:
    """Five scenes: one mirrored and cropped too, one twice byte for byte, one without caption, one with a wild one."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(5):
        scene(number).save(folder / f"scene{number}.png")
        (folder / f"scene{number}.txt").write_text(f"nora, scene {number}, in a park", encoding="utf-8")
    first = scene(0)
    first.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(folder / "scene0_mirrored.png")
    first.crop((40, 30, 360, 290)).save(folder / "scene0_cropped.png")
    (folder / "twin.png").write_bytes((folder / "scene1.png").read_bytes())
    (folder / "scene3.txt").write_text(HOSTILE, encoding="utf-8")
    (folder / "scene4.txt").unlink()
    return folder


def scene(number: int) -> Image.Image:
    """400 x 320 px of overlapping shapes with detail at every scale, unlike any other number's."""
    draws = np.random.default_rng(number)
    y, x = np.mgrid[0:320, 0:400]
    pixels = np.zeros((320, 400, 3))
    for _ in range(90):
        at, size = draws.uniform((0, 0), (320, 400)), draws.uniform(6, 60)
        inside = np.hypot(y - at[0], (x - at[1]) * draws.uniform(0.5, 2)) < size
        pixels[inside] = draws.uniform(0, 255, 3)
    pixels += draws.normal(0, 6, pixels.shape)
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def settings(cache: Path) -> ScanSettings:
    return ScanSettings(model="builtin", offline=True, cache=cache, views="off")


def measure(folder: Path, cache: Path) -> Measured:
    return measured(folder, settings(cache))


def reviewed(found: Measured, folder: Path, cache: Path, exports: Path) -> Reviewed:
    deciding = Deciding(found)
    return Reviewed(
        journal=open_journal(folder, settings(cache)),
        decide=deciding,
        exact=deciding.exact,
        suppose=deciding.suppose,
        plan=pipeline.recommend,
        export=pipeline.export,
        exports=exports,
        budget=PlanSettings(target_steps=500),
        trigger="nora",
        cache=cache,
    )


@dataclass
class Page:
    """A client that has the cookie already, and what lies behind it."""

    client: Any
    session: Session
    keys: Keys
    stopped: list[bool]

    def post(self, path: str, body: object, **headers: str) -> Any:
        return self.client.post(path, json=body, headers={"origin": ORIGIN, **headers})

    def state(self) -> dict[str, Any]:
        """The whole state, once all that was decided is in it."""
        for _ in range(200):
            found: dict[str, Any] = self.client.get("/api/set").json()
            if found["settled"] and "plan" in found:
                return found
            self.session.since(found["version"], 0.1)
        raise AssertionError("the page never settled")

    def id_of(self, path: str) -> str:
        return next(
            str(picture["id"]) for picture in self.client.get("/api/set").json()["pictures"] if picture["path"] == path
        )
