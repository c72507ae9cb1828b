"""Whatever a picture file is like, its export shows what a person sees, in a form that every trainer reads rightly."""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pillow_heif
import pytest
from numpy.typing import NDArray
from output_sets import Exporter, draw, wide_profile
from PIL import Image

from curate import output, pictures

WIDTH, HEIGHT = 96, 72
Pixels = NDArray[np.uint8]


def scene() -> Pixels:
    """A smooth picture without symmetry, RGB [72, 96, 3]."""
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    return np.dstack((columns * 2, rows * 3, (columns + rows) // 2 + 40)).astype(np.uint8)


def exported(written: output.Written, suffix: str = ".*") -> tuple[Path, Pixels]:
    root = Path(written.destination)
    (path,) = [p for p in root.rglob(f"*{suffix}") if p.suffix in (".png", ".jpg", ".jpeg", ".webp")]
    with Image.open(path) as image:
        assert image.mode in ("RGB", "L")
        assert image.getexif().get(0x0112, 1) == 1
        assert "icc_profile" not in image.info
        assert getattr(image, "n_frames", 1) == 1
        return path, np.asarray(image.convert("RGB"))


def near(found: Pixels, wanted: Pixels, levels: float) -> bool:
    """Within `levels` of 255 on average."""
    assert found.shape == wanted.shape
    return bool(np.abs(found.astype(int) - wanted.astype(int)).mean() <= levels)


STORED: dict[int, Callable[[Pixels], Pixels]] = {
    1: lambda p: p,
    2: lambda p: p[:, ::-1],
    3: lambda p: p[::-1, ::-1],
    4: lambda p: p[::-1],
    5: lambda p: p.transpose(1, 0, 2),
    6: lambda p: np.rot90(p, 1),
    7: lambda p: np.rot90(p, 2).transpose(1, 0, 2),
    8: lambda p: np.rot90(p, -1),
}


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp"])
def test_orientation_is_baked_in(export: Exporter, source: Path, orientation: int, suffix: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = Image.fromarray(np.ascontiguousarray(STORED[orientation](scene())))
    image.save(source / f"a{suffix}", exif=exif, **({"quality": 98} if suffix == ".jpg" else {"lossless": True}))
    written = export(trainer="kohya")
    path, pixels = exported(written)
    assert path.suffix == suffix
    assert near(pixels, scene(), 2.0)
    if orientation == 1:
        assert path.read_bytes() == (source / f"a{suffix}").read_bytes()


def test_a_mask_turns_with_its_picture(export: Exporter, source: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.ascontiguousarray(STORED[6](scene()))).save(source / "a.jpg", exif=exif)
    upright = np.zeros((HEIGHT, WIDTH), np.uint8)
    upright[:20, :30] = 255
    for name, mask in (("stored", np.rot90(upright, 1)), ("upright", upright)):
        Image.fromarray(np.ascontiguousarray(mask)).save(source / "a-masklabel.png")
        written = export(name, trainer="onetrainer", values={"epochs": 3})
        (path,) = Path(written.destination).rglob("*-masklabel.png")
        assert np.array_equal(np.asarray(Image.open(path)), upright)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparency_never_shows_hidden_colours(export: Exporter, source: Path, mode: str) -> None:
    alpha = np.full((HEIGHT, WIDTH), 255, np.uint8)
    alpha[:, :40] = 0
    hidden = scene()
    hidden[:, :40] = (255, 0, 255)
    image = Image.fromarray(np.dstack((hidden, alpha)))
    if mode == "P":
        image = image.quantize(200)
    (image.convert(mode) if mode == "LA" else image).save(source / "a.png")
    _, pixels = exported(export("white", trainer="kohya"))
    assert (pixels[:, :38] == 255).all()
    assert near(pixels[:, 42:], scene()[:, 42:], 40 if mode == "LA" else 6)
    _, pixels = exported(export("grey", trainer="kohya", background=(10, 20, 30)))
    assert (pixels[:, :38] == (10, 20, 30)).all()


def test_transparency_becomes_a_mask_where_it_is_wanted(export: Exporter, source: Path) -> None:
    alpha = np.full((HEIGHT, WIDTH), 255, np.uint8)
    alpha[:, :40] = 0
    Image.fromarray(np.dstack((scene(), alpha))).save(source / "a.png")
    written = export(trainer="onetrainer", alpha_masks=True, values={"epochs": 3})
    folder = Path(written.destination) / "nora set"
    assert np.array_equal(np.asarray(Image.open(folder / "a-masklabel.png")), alpha)
    assert (np.asarray(Image.open(folder / "a.png"))[:, :40] == 255).all()


def test_an_opaque_rgba_picture_is_copied(export: Exporter, source: Path) -> None:
    Image.fromarray(np.dstack((scene(), np.full((HEIGHT, WIDTH), 255, np.uint8)))).save(source / "a.png")
    written = export(trainer="kohya")
    (path,) = Path(written.destination).rglob("a.png")
    assert path.read_bytes() == (source / "a.png").read_bytes()


def test_cmyk_becomes_rgb(export: Exporter, source: Path) -> None:
    Image.fromarray(scene()).convert("CMYK").save(source / "a.jpg", quality=98)
    path, pixels = exported(export(trainer="kohya"))
    assert path.suffix == ".jpg"
    assert near(pixels, scene(), 4)


def test_sixteen_bits_of_grey_are_scaled_not_clipped(export: Exporter, source: Path) -> None:
    ramp = np.linspace(0, 65535, WIDTH, dtype=np.uint16)[None, :].repeat(HEIGHT, 0)
    Image.fromarray(ramp).save(source / "a.png")
    _, pixels = exported(export(trainer="kohya"))
    wanted = np.rint(np.linspace(0, 255, WIDTH)).astype(np.uint8)
    assert np.abs(pixels[10, :, 0].astype(int) - wanted).max() <= 1


def test_a_wide_gamut_profile_is_converted_and_dropped(export: Exporter, source: Path) -> None:
    sent = np.full((HEIGHT, WIDTH, 3), (90, 160, 90), np.uint8)
    Image.fromarray(sent).save(source / "a.png", icc_profile=wide_profile())
    _, pixels = exported(export(trainer="kohya"))
    light = (
        sent[0, 0] / 255
    ) ** 2.2  # linear Adobe RGB -> linear sRGB, both D65 (Adobe RGB 1998, 4.3.5; IEC 61966-2-1)
    linear = np.array([[1.3984, -0.3984, 0], [0, 1, 0], [0, -0.0429, 1.0429]]) @ light
    wanted = np.where(linear > 0.0031308, 1.055 * np.maximum(linear, 0) ** (1 / 2.4) - 0.055, 12.92 * linear) * 255
    assert np.abs(pixels[0, 0] - np.clip(wanted, 0, 255)).max() <= 2
    assert np.abs(pixels[0, 0].astype(int) - sent[0, 0]).max() > 10


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png"])
def test_of_an_animation_the_first_frame_is_kept(export: Exporter, source: Path, suffix: str) -> None:
    first, second = Image.fromarray(scene()), Image.new("RGB", (WIDTH, HEIGHT), (255, 0, 0))
    first.save(source / f"a{suffix}", save_all=True, append_images=[second], duration=100, lossless=True)
    path, pixels = exported(export(trainer="kohya"))
    assert path.suffix == {".gif": ".png", ".webp": ".webp", ".png": ".png"}[suffix]
    assert near(pixels, scene(), 12)


def test_heic_and_avif_become_jpeg(export: Exporter, source: Path) -> None:
    Image.fromarray(scene()).save(source / "a.avif", quality=95)
    path, pixels = exported(export("avif", trainer="kohya"))
    assert path.suffix == ".jpg"
    assert near(pixels, scene(), 4)
    (source / "a.avif").unlink()
    try:
        file = pillow_heif.from_pillow(Image.fromarray(scene()))
        file.save(source / "a.heic", quality=95)
    except (RuntimeError, OSError):
        pytest.skip("this pillow-heif encodes no HEIC")
    path, pixels = exported(export("heic", trainer="kohya"))
    assert path.suffix == ".jpg"
    assert near(pixels, scene(), 4)


@pytest.mark.parametrize(
    ("wanted", "suffix", "levels"), [("png", ".png", 0.0), ("webp", ".webp", 0.0), ("jpg", ".jpg", 1.5)]
)
def test_all_pictures_take_the_format_that_is_asked_for(
    export: Exporter, source: Path, wanted: str, suffix: str, levels: float
) -> None:
    Image.fromarray(scene()).save(source / "a.bmp")
    path, pixels = exported(export(trainer="kohya", format=wanted))
    assert path.suffix == suffix
    assert near(pixels, scene(), levels)


def test_a_wrong_or_upper_case_suffix_is_a_matter_of_renaming(export: Exporter, source: Path) -> None:
    draw(source / "a.jpg").rename(source / "a.PNG")
    draw(source / "b.jpeg", seed=1).rename(source / "b.JPEG")
    draw(source / "c.png", seed=2).rename(source / "c")
    written = export(trainer="kohya")
    folder = Path(written.destination) / "1_nora set"
    for source_name, name in (("a.PNG", "a.jpg"), ("b.JPEG", "b.jpeg"), ("c", "c.png")):
        assert (folder / name).read_bytes() == (source / source_name).read_bytes()
    assert any("a.PNG -> 1_nora set/a.jpg" in line for line in written.lines)


def test_names_that_collide_come_out_apart_with_their_own_captions(export: Exporter, source: Path) -> None:
    names = [
        "a.jpg",
        "a.png",
        "sub/a.png",
        "x_1_2_3_4.png",
        "con.png",
        "B.png",
        "sub/b.png",
        "e\u0301.png",
        "sub/\u00e9.png",
    ]
    for number, name in enumerate(names):
        draw(source / name, seed=number, caption=f"caption {number}" if name != "a.png" else None)
    written = export(trainer="kohya")
    folder = Path(written.destination) / "1_nora set"
    found = [path for path in folder.iterdir() if path.suffix != ".txt"]
    assert len(found) == len(names)
    stems = {unicodedata.normalize("NFD", path.stem).casefold() for path in found}
    assert len(stems) == len(names)
    assert all(len(stem.split("_")) < 5 for stem in stems)
    for placed_to, placed in written.draft.pictures():
        path = Path(written.destination) / placed_to
        assert path.read_bytes() == (source / placed.item.picture.path).read_bytes()
        assert path.with_suffix(".txt").read_text(encoding="utf-8") == placed.caption.text + "\n"


def test_tiny_and_broken_pictures_are_left_out_with_their_reason(export: Exporter, source: Path) -> None:
    draw(source / "a.png")
    draw(source / "thin.png", size=(500, 63))
    data = io.BytesIO()
    Image.fromarray(scene()).save(data, "JPEG")
    (source / "cut.jpg").write_bytes(data.getvalue()[: len(data.getvalue()) // 2])
    written = export(trainer="kohya")
    assert written.pictures == 1
    assert written.left_out["small"] == 1
    assert written.left_out["broken"] == 1
    assert "  thin.png: 500x63 px: a side under 64 px stops trainers" in written.lines
    assert any(line.startswith("  cut.jpg: truncated") for line in written.lines)


@pytest.mark.parametrize("trainer", list(output.LAYOUTS))
def test_an_export_scanned_again_has_every_caption_and_nothing_broken(
    export: Exporter, source: Path, trainer: str
) -> None:
    for number in range(5):
        draw(source / f"p{number}.jpg", seed=number, caption=None if number == 2 else f"picture {number}")
    length = (
        {"max_steps": 50} if trainer in ("ai-toolkit", "simpletuner", "diffusion-pipe", "diffusers") else {"epochs": 3}
    )
    written = export(trainer=trainer, values=length)
    catalog = pictures.scan(Path(written.destination))
    assert len(catalog.pictures) == 5
    assert not catalog.broken
    assert all(picture.caption and not picture.caption_problem for picture in catalog.pictures)
