"""Written pictures show what was given; plain ones are told from those that must be written anew."""

from __future__ import annotations

import dataclasses

import drawn_pictures as drawn
import numpy as np
import pytest
from PIL import Image

from curate.pictures import decode, decode_for_export, encode, is_plain

PIXELS = np.kron(np.random.default_rng(3).integers(0, 256, (12, 16, 3), dtype=np.uint8), np.ones((8, 8, 1), np.uint8))


@pytest.mark.parametrize(("name", "loss"), [("png", 0), ("webp", 0), ("jpg", 16)])
def test_a_written_picture_shows_what_was_given(name, loss):
    data = encode(PIXELS, format=name)
    again = decode(data)
    assert np.abs(again.rgb.astype(int) - PIXELS).max() <= loss
    assert np.abs(again.rgb.astype(int) - PIXELS).mean() <= 1
    assert data == encode(PIXELS, format=name)
    assert is_plain(again.facts, f".{name}") == ()


def test_transparency_and_grey_are_kept():
    seen = np.dstack((PIXELS, np.tile(np.arange(128, dtype=np.uint8), (96, 1))))
    for name in ("png", "webp"):
        kept, _ = decode_for_export(encode(seen, format=name), keep_alpha=True)
        assert np.array_equal(kept[..., 3], seen[..., 3])
        assert np.array_equal(kept[:, 1:], seen[:, 1:])
    grey = decode(encode(PIXELS[..., 0], format="png"))
    assert grey.facts.mode == "L"
    assert np.array_equal(grey.rgb[..., 1], PIXELS[..., 0])


def test_full_colour_resolution_in_jpeg():
    stripes = np.zeros((32, 32, 3), np.uint8)
    stripes[:, ::2] = (255, 0, 0)
    stripes[:, 1::2] = (0, 0, 255)
    again = decode(encode(stripes, format="jpg")).rgb.astype(int)
    assert np.abs(again - stripes).mean() < 10  # 4:2:0 would mix both to purple: 60 and more


@pytest.mark.parametrize(
    ("pixels", "name"),
    [
        (np.zeros((4, 4, 4), np.uint8), "jpg"),
        (np.zeros((4, 4, 3), np.float32), "png"),
        (np.zeros((4, 4, 2), np.uint8), "png"),
        (np.zeros((0, 4, 3), np.uint8), "png"),
    ],
)
def test_what_cannot_be_written_is_refused(pixels, name):
    with pytest.raises(ValueError, match=r"JPEG|pixels"):
        encode(pixels, format=name)


def facts_of(data):
    return decode(data).facts


@pytest.mark.parametrize("suffix", [".jpg", ".jpeg"])
def test_a_plain_jpeg_may_be_copied(suffix):
    assert is_plain(facts_of(drawn.saved(PIXELS, "JPEG", icc_profile=drawn.srgb_profile())), suffix) == ()


@pytest.mark.parametrize(
    ("data", "suffix", "word"),
    [
        (drawn.saved(PIXELS, "JPEG"), ".JPG", "upper case"),
        (drawn.saved(PIXELS, "JPEG"), ".png", "content is JPEG"),
        (drawn.saved(PIXELS, "JPEG"), "", "missing"),
        (drawn.saved(PIXELS, "BMP"), ".bmp", "format BMP"),
        (drawn.saved(PIXELS, "TIFF"), ".tiff", "format TIFF"),
        (drawn.saved(Image.fromarray(PIXELS).convert("CMYK"), "JPEG"), ".jpg", "CMYK"),
        (drawn.saved(Image.new("RGBA", (8, 8)), "PNG"), ".png", "transparent"),
        (drawn.png(np.zeros((8, 8)), 0, 16), ".png", "16 bits"),
        (drawn.saved(PIXELS, "PNG", icc_profile=drawn.profile(drawn.REC2020)), ".png", "profile wide"),
        (drawn.saved(Image.new("1", (8, 8)), "PNG"), ".png", "mode 1"),
        (
            drawn.saved(PIXELS, "WEBP", save_all=True, append_images=[Image.fromarray(255 - PIXELS)]),
            ".webp",
            "2 frames",
        ),
    ],
)
def test_one_reason_is_given_for_what_must_be_written_anew(data, suffix, word):
    reasons = is_plain(facts_of(data), suffix)
    assert len(reasons) == 1
    assert word in reasons[0]


def test_a_turned_picture_must_be_written_anew():
    facts = dataclasses.replace(facts_of(drawn.saved(PIXELS, "JPEG")), orientation=6)
    assert is_plain(facts, ".jpg") == ("stored turned (EXIF orientation 6)",)
