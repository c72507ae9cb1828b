"""Each trainer finds every picture of its export with the right pixels, caption, mask and repeats."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pillow_heif
import pytest
from numpy.typing import NDArray
from output_sets import Exporter, draw, wide_profile
from PIL import Image, ImageCms
from trainer_loaders import LOADERS, Sample

from curate import output, trainers
from curate.output.layouts import layout

Pixels = NDArray[np.uint8]
ALL = list(LOADERS)
SIZE = WIDTH, HEIGHT = 96, 72
BASE = {"musubi": "qwen"}


def values_for(trainer: str, **more: Any) -> dict[str, Any]:
    if trainer == "folder":
        return {}
    length = {"epochs": 4} if trainers.get(trainer).budget == "epochs" else {"max_steps": 60}
    return {"base": BASE.get(trainer, "sdxl"), "batch_size": 1, "save_every": 2, **length, **more}


def by_source(written: output.Written) -> dict[str, Sample]:
    """What the trainer found, by the path of the picture in the source; every exported picture once, nothing else."""
    root = Path(written.destination)
    told = json.loads((root / output.MANIFEST).read_text(encoding="ascii"))
    came = {root / one["to"]: one["path"] for one in told["pictures"]}
    found = list(LOADERS[written.draft.settings.trainer](root))
    assert sorted(one.path for one in found) == sorted(came)
    return {came[one.path]: one for one in found}


def shown(path: Path) -> Pixels:
    """The pixels as the most careless trainer takes them: no orientation, no profile, no background."""
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def half(left: int, right: int) -> Pixels:
    mask = np.full((HEIGHT, WIDTH), right, np.uint8)
    mask[:, : WIDTH // 2] = left
    return mask


@pytest.mark.parametrize("trainer", ALL)
@pytest.mark.parametrize("regularised", [False, True])
def test_every_picture_arrives_with_its_caption_mask_and_repeats(
    export: Exporter, source: Path, trainer: str, regularised: bool
) -> None:
    one_number = trainer == "diffusers"
    folders = {"3_sks man": 3, ("3_sks hat" if one_number else "5_sks hat"): 3 if one_number else 5}
    masks = {}
    for folder, repeats in folders.items():
        for number, suffix in enumerate((".png", ".jpg", ".jpeg", ".webp")):
            path = draw(source / folder / f"a {number}{suffix}", SIZE, seed=number, caption=f"a man, {folder} {number}")
            if number % 2:
                masks[path.relative_to(source).as_posix()] = half(255, 60 * number)
                Image.fromarray(half(255, 60 * number)).save(path.with_name(f"{path.stem}-masklabel.png"))
        assert repeats
    if regularised:
        for number in range(3):
            draw(source / "reg" / "2_man" / f"r{number}.jpg", SIZE, seed=20 + number, caption="a man")
    found = by_source(export(trainer=trainer, values=values_for(trainer)))
    subject = {path: one for path, one in found.items() if not path.startswith("reg/")}
    assert len(subject) == 8
    assert len(found) == (11 if regularised else 8)
    reads_masks = trainer not in ("musubi", "diffusers")
    for path, one in subject.items():
        folder, _, name = path.partition("/")
        assert one.captions == (f"a man, {folder} {name[2]}",)
        assert one.repeats == folders[folder]
        assert not one.regularisation
        near = 3 if one.path.suffix in (".jpg", ".jpeg") else 0
        assert np.abs(shown(one.path).astype(int) - shown(source / path)).max() <= near
        wanted = masks.get(path, half(255, 255)) / 255 if reads_masks else None
        if one.weights is None:
            assert wanted is None or (wanted == 1).all()
        else:
            assert wanted is not None
            assert np.abs(one.weights - wanted).mean() < 0.01
    knows = trainer not in ("musubi", "diffusion-pipe")
    for path, one in found.items():
        if path.startswith("reg/"):
            assert one.regularisation == knows
            assert one.captions == ("a man",) or (trainer == "diffusers" and one.captions == ("a man",))
            assert one.repeats == (1 if one_number else 2)
            assert one.weights is None or (one.weights == 1).all()


@pytest.mark.parametrize("trainer", [name for name in ALL if name not in ("musubi", "diffusers")])
@pytest.mark.parametrize("drawn_on", ["the stored pixels", "the upright picture"])
@pytest.mark.parametrize("regularised", [False, True])
def test_a_mask_turns_and_shrinks_with_its_picture(
    export: Exporter, source: Path, trainer: str, drawn_on: str, regularised: bool
) -> None:
    (source / "a.jpg").write_bytes(turned(6, times=4))
    upright = np.zeros((HEIGHT * 4, WIDTH * 4), np.uint8)
    upright[: HEIGHT * 2, : WIDTH * 3] = 255
    mask = np.rot90(upright, 1) if drawn_on == "the stored pixels" else upright
    Image.fromarray(np.ascontiguousarray(mask)).save(source / "a-masklabel.png")
    if regularised:
        draw(source / "reg" / "1_man" / "r.png", SIZE, seed=5)
    values = {} if trainer == "folder" else {**values_for(trainer), "resolution": 128}
    found = by_source(export(trainer=trainer, resize_to=128, values=values))["a.jpg"]
    assert shown(found.path).shape == (130, 174, 3)
    assert found.weights is not None
    assert found.weights.shape == (130, 174)
    assert (found.weights[2:63, 2:128] > 0.97).all()
    assert (found.weights[67:] < 0.03).all()
    assert (found.weights[:, 133:] < 0.03).all()


# ---- awkward files: what the source holds, and what every trainer must see


def scene() -> Pixels:
    """A smooth picture without symmetry, RGB [72, 96, 3]."""
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    return np.dstack((columns * 2, rows * 3, (columns + rows) // 2 + 40)).astype(np.uint8)


def saved(image: Image.Image, kind: str, **how: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **how)
    return file.getvalue()


def turned(orientation: int, times: int = 1) -> bytes:
    """The scene as a camera stores it that was held so; `times` as large."""
    stored = {
        1: lambda p: p,
        2: lambda p: p[:, ::-1],
        3: lambda p: p[::-1, ::-1],
        4: lambda p: p[::-1],
        5: lambda p: p.transpose(1, 0, 2),
        6: lambda p: np.rot90(p, 1),
        7: lambda p: np.rot90(p, 2).transpose(1, 0, 2),
        8: lambda p: np.rot90(p, -1),
    }[orientation](scene().repeat(times, 0).repeat(times, 1))
    exif = Image.Exif()
    exif[0x0112] = orientation
    return saved(Image.fromarray(np.ascontiguousarray(stored)), "JPEG", quality=98, exif=exif)


def hidden(mode: str) -> bytes:
    """The left 40 columns transparent over magenta."""
    colours, alpha = scene(), np.full((HEIGHT, WIDTH), 255, np.uint8)
    colours[:, :40], alpha[:, :40] = (255, 0, 255), 0
    image = Image.fromarray(np.dstack((colours, alpha)))
    return saved(image.quantize(256) if mode == "P" else image.convert(mode), "PNG")


def on_white() -> Pixels:
    pixels = scene()
    pixels[:, :40] = 255
    return pixels


def grey_of(pixels: Pixels) -> Pixels:
    return np.asarray(Image.fromarray(pixels).convert("L").convert("RGB"))


def sixteen_grey() -> bytes:
    return saved(Image.fromarray(np.asarray(Image.fromarray(scene()).convert("L")).astype(np.uint16) * 257), "PNG")


def sixteen_rgb() -> bytes:
    """An RGB PNG of 16 bits a channel, which Pillow reads and does not write: PNG 3rd edition, 11.2.1."""
    import struct
    import zlib

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    rows = (scene().astype(">u2") * 257).astype(">u2")
    raw = b"".join(b"\0" + row.tobytes() for row in rows)
    head = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 16, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")


def wide() -> bytes:
    """The scene, stored in a gamut wider than sRGB with its profile."""
    profile = ImageCms.ImageCmsProfile(io.BytesIO(wide_profile()))
    stored = ImageCms.profileToProfile(Image.fromarray(muted()), ImageCms.createProfile("sRGB"), profile)
    assert stored is not None
    return saved(stored, "PNG", icc_profile=wide_profile())


def muted() -> Pixels:
    """Colours inside every gamut, away from the edges."""
    return (scene() // 2 + 60).astype(np.uint8)


def animated(kind: str) -> bytes:
    second = Image.new("RGB", SIZE, (255, 0, 0))
    first = Image.fromarray(scene())
    return saved(first, kind, save_all=True, append_images=[second], duration=100, lossless=True)


def heic() -> bytes:
    file = io.BytesIO()
    pillow_heif.from_pillow(Image.fromarray(scene())).save(file, quality=95)
    return file.getvalue()


def plain_png(step: int = 0) -> bytes:
    return saved(Image.fromarray(np.roll(scene(), step, axis=1)), "PNG")


@dataclass(frozen=True, slots=True, kw_only=True)
class Awkward:
    """A file and what it shows. Levels of 255: the mean difference allowed."""

    data: Callable[[], bytes]
    shows: Callable[[], Pixels] = scene
    levels: float = 0.0


PICTURES: Mapping[str, Awkward] = {
    **{f"turned {n}.jpg": Awkward(data=lambda n=n: turned(n), levels=2.0) for n in range(1, 9)},
    "rgba.png": Awkward(data=lambda: hidden("RGBA"), shows=on_white),
    "la.png": Awkward(data=lambda: hidden("LA"), shows=lambda: np.where(on_white() == 255, 255, grey_of(scene()))),
    "p.png": Awkward(data=lambda: hidden("P"), shows=on_white, levels=8.0),
    "cmyk.jpg": Awkward(data=lambda: saved(Image.fromarray(scene()).convert("CMYK"), "JPEG", quality=98), levels=4.0),
    "grey16.png": Awkward(data=sixteen_grey, shows=lambda: grey_of(scene()), levels=0.5),
    "rgb16.png": Awkward(data=sixteen_rgb, levels=0.5),
    "wide.png": Awkward(data=wide, shows=muted, levels=1.5),
    "moving.gif": Awkward(data=lambda: animated("GIF"), levels=12.0),
    "moving.webp": Awkward(data=lambda: animated("WEBP")),
    "phone.heic": Awkward(data=heic, levels=4.0),
    "web.avif": Awkward(data=lambda: saved(Image.fromarray(scene()), "AVIF", quality=95), levels=4.0),
    "same.jpg": Awkward(data=lambda: turned(1), levels=2.0),
    "same.png": Awkward(data=lambda: plain_png(3), shows=lambda: np.roll(scene(), 3, axis=1)),
    "Same.webp": Awkward(
        data=lambda: saved(Image.fromarray(np.roll(scene(), 6, axis=1)), "WEBP", lossless=True),
        shows=lambda: np.roll(scene(), 6, axis=1),
    ),
    "sub/caf\u00e9.png": Awkward(data=lambda: plain_png(9), shows=lambda: np.roll(scene(), 9, axis=1)),
    "cafe\u0301.png": Awkward(data=lambda: plain_png(12), shows=lambda: np.roll(scene(), 12, axis=1)),
    "a_1_2_3_4_5.png": Awkward(data=lambda: plain_png(15), shows=lambda: np.roll(scene(), 15, axis=1)),
    "PHOTO.PNG": Awkward(data=lambda: plain_png(18), shows=lambda: np.roll(scene(), 18, axis=1)),
    "[x] (1) #2 'y' test.png": Awkward(data=lambda: plain_png(21), shows=lambda: np.roll(scene(), 21, axis=1)),
}


@pytest.mark.parametrize("trainer", ALL)
def test_awkward_pictures_look_right_to_every_trainer(export: Exporter, source: Path, trainer: str) -> None:
    for number, (name, one) in enumerate(PICTURES.items()):
        path = source / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(one.data())
        path.with_name(f"{path.name}.txt").write_bytes(f"caption {number}".encode())
    found = by_source(export(trainer=trainer, values=values_for(trainer)))
    assert set(found) == set(PICTURES)
    for number, (name, one) in enumerate(PICTURES.items()):
        pixels, wanted = shown(found[name].path), one.shows()
        assert pixels.shape == wanted.shape, name
        assert np.abs(pixels.astype(int) - wanted.astype(int)).mean() <= one.levels, name
        assert found[name].captions == (f"caption {number}",), name


CAPTIONS: Mapping[str, tuple[bytes, str, tuple[str, ...], str]] = {  # bytes -> first line, alternatives, whole
    "bom": (b"\xef\xbb\xbfa man", "a man", ("a man",), "a man"),
    "nul": (b"a\0 man\0", "a man", ("a man",), "a man"),
    "crlf": (b"a man\r\n", "a man", ("a man",), "a man"),
    "blank before": (b"\r\n\r\na man", "a man", ("a man",), "a man"),
    "lines": (b"a man\r\nin rain\r\n", "a man, in rain", ("a man", "in rain"), "a man\nin rain"),
    "utf-16": ("\ufeffa m\u00e4n".encode("utf-16-le"), "a m\u00e4n", ("a m\u00e4n",), "a m\u00e4n"),
    "latin": (b"a m\xe4n", "a m\u00e4n", ("a m\u00e4n",), "a m\u00e4n"),
    "empty": (b"", "nora set", ("nora set",), "nora set"),
    "blanks": (b" \r\n\t", "nora set", ("nora set",), "nora set"),
    "quotes": (b'say "hi" \\ {a: 1} # [x]', 'say "hi" \\ {a: 1} # [x]', ('say "hi" \\ {a: 1} # [x]',),
               'say "hi" \\ {a: 1} # [x]'),
    "emoji": ("\U0001f7eb doll".encode(), "\U0001f7eb doll", ("\U0001f7eb doll",), "\U0001f7eb doll"),
}  # fmt: skip


@pytest.mark.parametrize("trainer", ALL)
def test_awkward_captions_read_right_in_every_trainer(export: Exporter, source: Path, trainer: str) -> None:
    for number, (name, (raw, *_)) in enumerate(CAPTIONS.items()):
        draw(source / f"{name}.png", SIZE, seed=number, caption=None).with_suffix(".txt").write_bytes(raw)
    found = by_source(export(trainer=trainer, values=values_for(trainer)))
    for name, (_, first, alternatives, whole) in CAPTIONS.items():
        shape = layout(trainer).shape
        wanted = {"first line": (first,), "alternatives": alternatives, "whole": (whole,)}[shape]
        if trainer == "ai-toolkit":  # it joins lines itself
            wanted = (whole.replace("\n", ", "),)
        assert found[f"{name}.png"].captions == wanted, name


@pytest.mark.parametrize("trainer", ALL)
@pytest.mark.parametrize("base", list(trainers.BASES))
def test_every_base_model_gives_a_configuration_or_says_that_there_is_none(
    export: Exporter, source: Path, trainer: str, base: str
) -> None:
    for number in range(2):
        draw(source / f"a{number}.png", SIZE, seed=number)
    written = export(trainer=trainer, values={**values_for(trainer), **({"base": base} if trainer != "folder" else {})})
    if trainer == "folder" or layout(trainer).command(written.draft).startswith("#"):
        return
    assert len(by_source(written)) == 2


@pytest.mark.parametrize(("trainer", "taken"), [("diffusion-pipe", False), ("diffusers", False), ("kohya", True)])
def test_an_alpha_that_a_trainer_cannot_set_is_told(export: Exporter, source: Path, trainer: str, taken: bool) -> None:
    draw(source / "a.png", SIZE)
    written = export(trainer=trainer, values={**values_for(trainer), "rank": 16, "alpha": 8.0})
    said = f"{trainer} sets the LoRA's alpha to its rank for sdxl: 8 is not used."
    assert (said in written.lines) != taken
    assert ("--network_alpha 8" in "".join(written.lines)) == taken


def test_kohyas_window_shows_the_fields_that_kohya_ss_has(export: Exporter, source: Path) -> None:
    for number in range(2):
        draw(source / f"a{number}.png", SIZE, seed=number)
    draw(source / "reg" / "1_man" / "r.png", SIZE, seed=5)
    written = export(trainer="kohya", values=values_for("kohya", batch_size=2))
    root = Path(written.destination)
    told = (root / "how-to-start.txt").read_text(encoding="utf-8")
    _, window = told.split("Or in kohya_ss, tab LoRA, which counts no steps and would train 1600:\n")
    fields = dict(line.strip().split("  ", 1) for line in window.splitlines() if line.startswith("  "))
    fields = {name: value.strip() for name, value in fields.items()}
    known = {  # labels in class_source_model.py, class_folders.py, class_basic_training.py, class_advanced_training.py
        "Dataset config file", "Trained Model output name", "Image folder",
        "Regularisation directory", "Train batch size", "Max train epoch", "Max train steps", "Save every N epochs",
        "Save every N steps", "Caption file extension", "Learning rate", "Optimizer", "Max resolution",
        "Enable buckets", "Minimum bucket resolution", "Maximum bucket resolution", "Bucket resolution steps",
        "Don't upscale bucket resolution", "Gradient accumulate steps", "Masked loss", "Network Rank (Dimension)",
        "Network Alpha",
    }  # fmt: skip
    assert set(fields) <= known
    assert Path(fields["Dataset config file"]) == root / "dataset.toml"
    assert Path(fields["Regularisation directory"]) == root / "reg"
    assert fields["Max train epoch"] == "4"
    assert fields["Max train steps"] == str(written.draft.steps)
    assert fields["Don't upscale bucket resolution"] == "off"  # kohya_ss starts with it on
    at = next(number for number, line in enumerate(written.lines) if line.startswith("Or in kohya_ss"))
    assert all(line in told for line in written.lines[at:-1])
    assert all(len(line) < 80 for line in written.lines[at:] if str(root) not in line)
    assert "more fields, are in how-to-start.txt" in written.lines[-1]
