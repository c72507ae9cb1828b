"""Makes a folder with known copies from a folder of photographs, for bench/copies.py.

    python bench/make_copies.py PHOTOS OUT [--seed 1]

Every photograph is written once, with up to three edited copies of it and up to one wanted variant: one region changed
with another caption, or a deep crop. OUT/truth.json says which is which. PHOTOS/same_photograph.txt may name pairs of
files, one pair a line, that are one photograph. Any photographs will do; the figures in the README come from
google/dreambooth (github, CC-BY-4.0), 79 photographs of 15 subjects, several of each: those are the hard negatives.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps

Picture = Image.Image
Edit = Callable[[Picture, random.Random], Picture]
COPIES = 3  # of a photograph at most
VARIANTS = 0.4  # share of the photographs that get a wanted variant


def crop(share: float) -> Edit:
    def edit(image: Picture, chance: random.Random) -> Picture:
        width, height = round(image.width * share), round(image.height * share)
        left, top = chance.randint(0, image.width - width), chance.randint(0, image.height - height)
        return image.crop((left, top, left + width, top + height))

    return edit


def values(change: Callable[[np.ndarray], np.ndarray]) -> Edit:
    def edit(image: Picture, chance: random.Random) -> Picture:
        return Image.fromarray(change(np.asarray(image, np.float32)).clip(0, 255).astype(np.uint8))

    return edit


def scaled(share: float) -> Edit:
    return lambda image, chance: image.resize((max(8, int(image.width * share)), max(8, int(image.height * share))))


def vignette(pixels: np.ndarray) -> np.ndarray:
    y, x = np.mgrid[-1 : 1 : pixels.shape[0] * 1j, -1 : 1 : pixels.shape[1] * 1j]
    return pixels * (1 - 0.25 * (x * x + y * y))[..., None]


def meme(image: Picture, chance: random.Random) -> Picture:
    page = Image.new("RGB", (image.width, round(image.height * 1.2)), "white")
    page.paste(image, (0, page.height - image.height))
    ImageDraw.Draw(page).text((12, 12), "nobody: my LoRA", fill="black", font_size=image.width // 12)
    return page


def lettering(image: Picture, chance: random.Random) -> Picture:
    image = image.copy()
    for at in (0.04, 0.84):
        ImageDraw.Draw(image).text(
            (image.width * 0.05, image.height * at), "SOME WORDS", fill="white", stroke_fill="black", stroke_width=3,
            font_size=image.width // 10,
        )  # fmt: skip
    return image


def screenshot(image: Picture, chance: random.Random) -> Picture:
    return ImageOps.expand(crop(0.85)(image, chance), (20, 140), (24, 24, 26))


def on_blur(image: Picture, chance: random.Random) -> Picture:
    page = image.resize((round(image.width * 1.3), image.height)).filter(ImageFilter.GaussianBlur(30))
    page.paste(image, ((page.width - image.width) // 2, 0))
    return page


def warm(pixels: np.ndarray) -> np.ndarray:
    return pixels.mean(2, keepdims=True) * np.array([1.1, 0.95, 0.75])


def noisy(pixels: np.ndarray) -> np.ndarray:
    return pixels + np.random.default_rng(5).normal(0, 18, pixels.shape)


EDITS: dict[str, tuple[Edit, str, int]] = {
    "darker gamma": (values(lambda p: 255 * (p / 255) ** 1.7), "jpg", 90),
    "brighter gamma": (values(lambda p: 255 * (p / 255) ** 0.6), "jpg", 90),
    "sepia": (values(warm), "jpg", 90),
    "vignette": (values(vignette), "jpg", 85),
    "grain": (values(noisy), "jpg", 85),
    "half turn": (lambda i, c: i.transpose(Image.Transpose.ROTATE_180), "jpg", 90),
    "quarter turn": (lambda i, c: i.transpose(Image.Transpose.ROTATE_270), "webp", 80),
    "upside down": (lambda i, c: ImageOps.flip(i), "jpg", 90),
    "mirrored": (lambda i, c: ImageOps.mirror(i), "jpg", 88),
    "tilted 12": (lambda i, c: i.rotate(12, Image.Resampling.BICUBIC, fillcolor="white"), "jpg", 90),
    "tilted, grown": (lambda i, c: i.rotate(-9, Image.Resampling.BICUBIC, expand=True), "jpg", 90),
    "crop 85": (crop(0.85), "jpg", 90),
    "crop 62": (crop(0.62), "jpg", 85),
    "mirrored crop, q35": (lambda i, c: ImageOps.mirror(crop(0.7)(i, c)), "jpg", 35),
    "middle band": (lambda i, c: i.crop((0, i.height // 5, i.width, i.height * 4 // 5)), "jpg", 90),
    "meme": (meme, "jpg", 85),
    "lettering": (lettering, "jpg", 80),
    "screenshot": (screenshot, "png", 0),
    "square on white": (lambda i, c: ImageOps.pad(i, (max(i.size),) * 2, color="white"), "jpg", 90),
    "square on blur": (on_blur, "jpg", 85),
    "jpeg 8": (lambda i, c: i, "jpg", 8),
    "gif": (lambda i, c: i.quantize(64), "gif", 0),
    "sharpened": (lambda i, c: i.filter(ImageFilter.UnsharpMask(3, 200, 2)), "jpg", 90),
    "blurred": (lambda i, c: i.filter(ImageFilter.GaussianBlur(5)), "jpg", 90),
    "median": (lambda i, c: i.filter(ImageFilter.MedianFilter(7)), "jpg", 90),
    "tiny": (lambda i, c: ImageOps.contain(i, (128, 128)), "jpg", 85),
    "40 %": (scaled(0.4), "webp", 75),
    "enlarged": (scaled(1.7), "jpg", 90),
    "squashed": (lambda i, c: i.resize((int(i.width * 0.8), i.height)), "jpg", 90),
    "faint": (lambda i, c: ImageEnhance.Contrast(i).enhance(0.4), "jpg", 90),
    "grey": (lambda i, c: ImageOps.grayscale(i), "jpg", 90),
    "posterised": (lambda i, c: ImageOps.posterize(i, 4), "png", 0),
}


def region_changed(image: Picture, chance: random.Random) -> Picture:
    """A tenth to a fifth of each side, in the middle part, replaced by another part of the picture."""
    width, height = (round(side * chance.uniform(0.12, 0.22)) for side in image.size)
    place = [round(chance.uniform(0.2, 0.6) * side) for side in image.size]
    patch = crop(0.3)(image, chance).resize((width, height)).transpose(Image.Transpose.ROTATE_180)
    changed = image.copy()
    changed.paste(patch, (place[0], place[1]))
    return changed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("photos", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    chance = random.Random(given.seed)
    given.out.mkdir(parents=True, exist_ok=True)
    photos = sorted(p for p in given.photos.rglob("*") if p.suffix.lower() in {".jpg", ".jpeg", ".png", ".webp"})
    groups: list[list[str]] = []
    edits: dict[str, str] = {}
    variants: list[tuple[str, str]] = []
    bag: list[str] = []
    for number, photo in enumerate(photos):
        image = ImageOps.exif_transpose(Image.open(photo)).convert("RGB")
        base = f"{number:04}.jpg"
        image.save(given.out / base, quality=92)
        group, edits[base] = [base], f"original of {photo.parent.name}"
        for copy in range(chance.randint(0, COPIES)):
            if not bag:
                bag = list(EDITS)
                chance.shuffle(bag)
            kind = bag.pop()
            edit, suffix, quality = EDITS[kind]
            name = f"{number:04}_{copy}.{suffix}"
            edit(image, chance).save(given.out / name, **({"quality": quality} if quality else {}))
            group.append(name)
            edits[name] = kind
        groups.append(group)
        if chance.random() < VARIANTS:
            name = f"{number:04}_v.jpg"
            kind, edit = chance.choice([("region", region_changed), ("deep crop", crop(0.42))])
            edit(image, chance).save(given.out / name, quality=90)
            (given.out / base).with_suffix(".txt").write_text("as it was", encoding="utf-8")
            (given.out / name).with_suffix(".txt").write_text("with another expression", encoding="utf-8")
            variants.append((base, name))
            groups.append([name])
            edits[name] = "original, a wanted variant"
    same = given.photos / "same_photograph.txt"
    for line in same.read_text(encoding="utf-8").splitlines() if same.exists() else []:
        one, other = (
            next(g for g, p in zip(groups_of(groups), photos, strict=True) if p == given.photos / n)
            for n in line.split()
        )
        one.extend(other)
        other.clear()
    truth = {"groups": [group for group in groups if group], "edits": edits, "variants": variants}
    (given.out / "truth.json").write_text(json.dumps(truth, indent=1), encoding="utf-8")
    print(f"{len(photos)} photographs, {len(edits)} files, {len(variants)} wanted variants")


def groups_of(groups: list[list[str]]) -> list[list[str]]:
    """The groups of photographs, without those of variants."""
    return [group for group in groups if not group or not group[0].endswith("_v.jpg")]


if __name__ == "__main__":
    main()
