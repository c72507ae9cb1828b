"""Each quality check finds its defect, and leaves good pictures alone."""

import io
import json
import math
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from curate.features import checks
from curate.features.checks import CHECKS, blur, border, compression, upscaled
from curate.records import Facts

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "sample_images"
DEFECTS = json.loads((ROOT / "tests" / "truth" / "defects.json").read_text(encoding="utf-8"))["defects"]
READABLE = sorted(path.name for path in SAMPLES.glob("*.jpg") if path.name != "nora_21.jpg")
SHARP = [name for name in READABLE if name.startswith("nora_") and name not in {"nora_19.jpg", "nora_20.jpg"}]


def sample(name: str) -> np.ndarray:
    with Image.open(SAMPLES / name) as image:
        return np.asarray(image.convert("RGB"))


def stored(rgb: np.ndarray, quality: int) -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray(rgb).save(file, "JPEG", quality=quality)
    with Image.open(file) as image:
        return np.asarray(image.convert("RGB"))


def resized(rgb: np.ndarray, factor: float, method: Image.Resampling = Image.Resampling.LANCZOS) -> np.ndarray:
    height, width = rgb.shape[:2]
    return np.asarray(Image.fromarray(rgb).resize((round(width * factor), round(height * factor)), method))


def facts_of(rgb: np.ndarray) -> Facts:
    return Facts(
        width=rgb.shape[1],
        height=rgb.shape[0],
        format="PNG",
        mode="RGB",
        orientation=1,
        has_alpha=False,
        frames=1,
        profile="",
        bits=8,
        pixel_digest="",
    )


def findings(rgb: np.ndarray, resolution: int = 1024) -> dict[str, str]:
    judged = checks.judge(checks.measure(rgb), facts_of(rgb), resolution)
    return {name: check.finding for name, check in judged.items() if check.finding}


def drawn(seed: int = 0, side: int = 512) -> np.ndarray:
    """A picture of sharp discs in many colours."""
    random = np.random.default_rng(seed)
    picture = np.full((side, side, 3), 128, dtype=np.uint8)
    for _ in range(150):
        centre, colour = random.integers(0, side, 2).tolist(), random.integers(0, 256, 3).tolist()
        cv2.circle(picture, centre, int(random.integers(4, side // 8)), colour, -1, cv2.LINE_AA)
    return picture


def test_every_check_keeps_the_protocol():
    names = [name for check in CHECKS for name in check.NAMES]
    assert len(set(names)) == len(names)
    rgb = drawn(side=96)
    for check in CHECKS:
        values = check.measure(checks.view(rgb))
        assert set(check.UNITS) == set(check.NAMES) <= set(values)
        assert set(check.finding(values, facts_of(rgb), 1024)) <= set(check.NAMES)
    judged = checks.judge(checks.measure(rgb), facts_of(rgb), 1024)
    assert sorted(judged) == sorted(names)


@pytest.mark.parametrize("shape", [(1, 1), (1, 400), (400, 1), (7, 9), (17, 8), (33, 1200), (1500, 1100)])
@pytest.mark.parametrize("fill", ["black", "white", "noise"])
def test_every_number_is_finite_whatever_the_picture(shape, fill):
    noise = np.random.default_rng(0).integers(0, 256, (*shape, 3)).astype(np.uint8)
    rgb = {"black": noise * 0, "white": noise * 0 + 255, "noise": noise}[fill]
    values = checks.measure(rgb)
    assert all(type(value) is float and math.isfinite(value) for value in values.values()), values
    findings(rgb)


@pytest.mark.parametrize("name", READABLE)
def test_the_samples_have_the_findings_that_were_planted_and_no_others(name):
    planted = {entry["file"]: entry for entry in DEFECTS if entry["defect"] != "missing_caption"}
    kind = planted.get(name, {}).get("defect")
    expected = {
        "blurred": {"blur"},
        "too_small": {"size"},
        "resized_duplicate": {"size"},  # 384 px long
        "jpeg_compressed_duplicate": {"compression"},
    }.get(kind, set())
    assert set(findings(sample(name))) == expected


@pytest.mark.parametrize("name", SHARP)
def test_a_gaussian_of_a_200th_of_the_width_is_found(name):
    rgb = sample(name)
    assert "blur" not in findings(rgb)
    assert "blur" in findings(cv2.GaussianBlur(rgb, (0, 0), rgb.shape[1] / 150))
    wide = checks.measure(cv2.GaussianBlur(rgb, (0, 0), rgb.shape[1] / 200))
    assert wide["blur"] > 1.3 * checks.measure(rgb)["blur"]


def test_a_sharp_subject_before_a_blurred_or_plain_background_is_sharp():
    rgb = cv2.GaussianBlur(drawn(1), (0, 0), 12)
    assert "blur" in findings(cv2.GaussianBlur(drawn(1), (0, 0), 5), 512)
    for background in (rgb, np.full_like(rgb, 200)):
        subject = background.copy()
        subject[180:360, 180:340] = drawn(2)[:180, :160]
        assert "blur" not in findings(subject, 512)


def test_the_width_of_an_edge_is_measured_in_pixels_whatever_its_contrast():
    for contrast in (60, 200):
        step = np.zeros((256, 256), dtype=np.uint8)
        step[:, 100:] = contrast
        step[:, 180:] = 0
        for sigma in (1.5, 3.0, 5.0):
            width, tiles = blur.edge_width(cv2.GaussianBlur(step, (0, 0), sigma))
            assert tiles > 0
            assert width == pytest.approx(sigma, rel=0.3)  # whole levels make a weak edge look wider


def test_a_small_picture_is_small_and_not_blurred():
    rgb = sample("nora_20.jpg")
    found = findings(rgb)
    assert set(found) == {"size"}
    assert "150 x 200" in found["size"]
    assert findings(rgb, 256) == {}


def test_size_is_judged_by_area_against_half_the_resolution():
    assert "size" not in findings(drawn(side=640))
    assert "size" in findings(drawn(side=508))
    assert "size" not in findings(drawn(side=508), 768)


def test_long_strips_are_named():
    rgb = resized(drawn(), 2)
    assert "aspect" in findings(rgb[:300])
    assert "aspect" not in findings(rgb[:400])


def test_exposure_names_dark_bright_and_low_contrast():
    rgb = drawn().astype(np.float32)
    assert not {"dark", "bright", "contrast"} & set(findings(rgb.astype(np.uint8)))
    assert "dark" in findings((rgb * 0.25).astype(np.uint8))
    assert "bright" in findings((255 - (255 - rgb) * 0.15).astype(np.uint8))
    assert "contrast" in findings((110 + rgb * 0.12).astype(np.uint8))


def test_a_lamp_in_a_dark_room_is_not_too_dark():
    rgb = (drawn() * 0.2).astype(np.uint8)
    rgb[100:200, 100:200] = 230
    assert "dark" not in findings(rgb)


@pytest.mark.parametrize("quality", [8, 15, 25, 40, 60, 75])
def test_the_jpeg_quality_is_read_from_the_pixels(quality):
    for name in ("nora_02.jpg", "nora_09.jpg"):
        rgb = stored(resized(sample(name), 0.9), quality)
        value = compression.measure(checks.view(rgb))["compression"]
        assert value == pytest.approx(quality, abs=2.5)
        assert ("compression" in findings(rgb)) == (quality < 35)


def test_compression_shows_through_cropping_mirroring_turning_and_saving_again():
    rgb = stored(resized(sample("nora_09.jpg"), 0.9), 15)
    for edited in (rgb[5:, 3:], rgb[:, ::-1], np.rot90(rgb), stored(rgb, 95)):
        value = compression.measure(checks.view(np.ascontiguousarray(edited)))["compression"]
        assert value == pytest.approx(15, abs=5)


def test_a_picture_that_was_never_compressed_shows_no_trace():
    assert compression.measure(checks.view(drawn()))["compression"] == 100


@pytest.mark.parametrize("factor", [1.5, 1.7, 3.0])
def test_an_enlarged_copy_holds_no_more_than_its_original(factor):
    for name in ("nora_03.jpg", "nora_08.jpg", "nora_11.jpg"):
        rgb = sample(name)
        large = resized(rgb, factor, Image.Resampling.BICUBIC)
        assert upscaled.measure(checks.view(rgb))["upscaled"] == 1
        share = upscaled.measure(checks.view(large))["upscaled"]
        assert share <= 0.66
        assert "upscaled" in findings(large)


@pytest.mark.parametrize("factor", [0.5, 0.75, 0.9])
def test_a_reduced_picture_is_not_called_enlarged(factor):
    for name in SHARP:
        assert "upscaled" not in findings(stored(resized(sample(name), factor), 90))


def test_letterboxing_is_measured_to_the_pixel():
    rgb = np.pad(sample("nora_02.jpg"), ((40, 60), (0, 0), (0, 0)))
    values = border.measure(checks.view(stored(rgb, 85)))
    box = [values[f"border_{side}"] for side in ("left", "top", "right", "bottom")]
    assert box == pytest.approx([0, 40, 480, 680], abs=2)
    assert values["border"] == pytest.approx(100 * 100 / 740, abs=0.5)
    assert "border" in findings(rgb)


@pytest.mark.parametrize("colour", [0, 24, 255])
def test_a_frame_on_all_sides_is_found(colour):
    framed = np.full((620, 560, 3), colour, dtype=np.uint8)
    framed[50:570, 30:530] = resized(drawn(3), 1.1)[:520, :500]
    values = border.measure(checks.view(framed))
    box = [values[f"border_{side}"] for side in ("left", "top", "right", "bottom")]
    assert box == pytest.approx([30, 50, 530, 570], abs=1)


def test_a_plain_background_is_no_border():
    plain = np.full((512, 512, 3), 250, dtype=np.uint8)
    cv2.circle(plain, (256, 256), 120, (30, 60, 200), -1, cv2.LINE_AA)
    assert "border" not in findings(plain)
    assert border.measure(checks.view(plain * 0 + 9))["border"] == 0


def test_one_colour_with_noise_is_flat():
    noise = np.random.default_rng(0).normal(0, 2, (300, 300, 3))
    assert "flat" in findings((120 + noise).astype(np.uint8))
    assert "flat" not in findings(drawn())


def test_every_finding_says_what_to_do():
    bad = [
        sample("nora_19.jpg"),
        sample("nora_20.jpg"),
        sample("download_7.jpg"),
        np.full((200, 900, 3), 10, np.uint8),
        np.full((600, 600, 3), 240, np.uint8),
        np.pad(drawn(), ((90, 90), (0, 0), (0, 0))),
        resized(sample("nora_03.jpg"), 1.7, Image.Resampling.BICUBIC),
    ]
    found = {name: text for rgb in bad for name, text in findings(rgb).items()}
    assert set(found) == {name for check in CHECKS for name in check.NAMES}
    advice = ("find", "leave it out", "crop", "use the original")
    assert all(any(word in text for word in advice) for text in found.values()), found
