"""Plain JPEG files, which OpenCV decodes: the same bits as by Pillow, or left to Pillow."""

import io
import random

import numpy as np
import pytest
from PIL import Image, ImageCms

from curate.errors import BrokenPicture
from curate.pictures import decode
from curate.pictures.pixels import plain

WAVES = (np.sin(np.arange(61 * 83 * 3) ** 1.5).reshape(61, 83, 3) * 127 + 128).astype(np.uint8)


def jpeg(pixels: np.ndarray = WAVES, **options: object) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", **{"quality": 85, **options})
    return file.getvalue()


def turned(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return jpeg(exif=exif)


def outcome(data: bytes, *, quick: bool) -> object:
    try:
        found = decode(data, quick=quick)
    except BrokenPicture as error:
        return error.reason
    return found.rgb.tobytes(), found.facts


@pytest.mark.parametrize("subsampling", [0, 1, 2])
@pytest.mark.parametrize("options", [{}, {"restart_marker_rows": 1}, {"quality": 5}, {"optimize": True}])
def test_a_plain_jpeg_has_the_same_bits_and_facts_either_way(subsampling, options):
    data = jpeg(subsampling=subsampling, **options)
    assert plain.pixels(data) is not None
    assert outcome(data, quick=True) == outcome(data, quick=False)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_is_turned_as_pillow_turns_it(orientation):
    data = turned(orientation)
    assert plain.pixels(data) is not None
    assert outcome(data, quick=True) == outcome(data, quick=False)
    assert decode(data, quick=True).rgb.flags.c_contiguous
    assert not decode(data, quick=True).rgb.flags.writeable


def test_a_profile_that_is_srgb_keeps_the_pixels_and_any_other_is_applied():
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert outcome(jpeg(icc_profile=srgb), quick=True) == outcome(jpeg(), quick=True)
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    assert outcome(jpeg(icc_profile=lab), quick=True) == outcome(jpeg(icc_profile=lab), quick=False)


@pytest.mark.parametrize(
    "data",
    [
        jpeg(progressive=True),
        jpeg(WAVES[..., 0]),
        jpeg(np.dstack([WAVES, WAVES[..., 0]])[..., :3], progressive=True, optimize=True),
        jpeg() + b"\0",
        jpeg()[:-2],
        jpeg() + jpeg(),
        jpeg()[:400],
        b"",
    ],
    ids=[
        "progressive",
        "grey",
        "progressive, optimised",
        "padded",
        "no end",
        "two in one",
        "cut in the header",
        "empty",
    ],
)
def test_any_other_file_is_left_to_pillow(data):
    assert plain.pixels(data) is None


def test_cmyk_is_left_to_pillow():
    file = io.BytesIO()
    Image.fromarray(WAVES).convert("CMYK").save(file, "JPEG")
    assert plain.pixels(file.getvalue()) is None
    assert outcome(file.getvalue(), quick=True) == outcome(file.getvalue(), quick=False)


def test_damaged_files_end_the_same_either_way(capfd):
    """Bits flipped, bytes lost, files cut with and without an end marker behind the cut, headers changed."""
    chance, taken = random.Random(7), 0
    whole = jpeg()
    for number in range(400):
        data = bytearray(whole)
        kind = number % 5
        place = chance.randrange(2, len(data) - 2)
        if kind == 0:
            data[place] ^= 1 << chance.randrange(8)
        elif kind == 1:
            del data[place : place + chance.randrange(1, 40)]
        elif kind == 2:
            data = data[:place] + b"\xff\xd9"
        elif kind == 3:
            data = data[:place]
        else:
            data[chance.randrange(2, 630)] = chance.randrange(256)
        taken += plain.pixels(bytes(data)) is not None
        assert outcome(bytes(data), quick=True) == outcome(bytes(data), quick=False)
    assert taken > 100  # of them OpenCV decoded so many
    capfd.readouterr()  # OpenCV's warnings


def test_where_opencv_has_another_decoder_pillow_does_all(monkeypatch):
    data = jpeg()
    real = plain._decoded
    plain._is_like_pillow.cache_clear()
    try:
        monkeypatch.setattr(plain, "_decoded", lambda data: 255 - real(data))
        assert plain.pixels(data) is None
        assert np.array_equal(decode(data, quick=True).rgb, decode(data).rgb)
    finally:
        plain._is_like_pillow.cache_clear()


def test_an_older_opencv_that_knows_no_rgb_gives_the_same(monkeypatch):
    import cv2

    expected = plain.pixels(jpeg())
    monkeypatch.delattr(cv2, "IMREAD_COLOR_RGB", raising=False)
    assert np.array_equal(plain.pixels(jpeg()), expected)
