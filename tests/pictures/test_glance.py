"""A picture seen small: what a JPEG gives without its high frequencies."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from curate.errors import BrokenPicture
from curate.features import hashes, shrink
from curate.pictures import decode, glance

SIDE = 128


def drawn(width: int, height: int, seed: int = 0) -> Image.Image:
    """Noise of several scales, so that no hash is decided by rounding."""
    draws = np.random.default_rng(seed)
    picture = np.zeros((height, width, 3))
    for cells in (3, 7, 19):
        small = Image.fromarray(draws.integers(0, 256, (cells, cells, 3), dtype=np.uint8))
        picture += np.asarray(small.resize((width, height), Image.Resampling.BICUBIC), float) / 3
    return Image.fromarray(picture.astype(np.uint8))


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize("size", [(1024, 1024), (1536, 640), (300, 2100), (200, 90), (257, 256)])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_the_small_picture_has_the_hashes_of_the_whole_and_its_facts(kind: str, size: tuple[int, int]) -> None:
    data = saved(drawn(*size), kind)
    whole, small = decode(data), glance(data, side=SIDE)
    assert (small.facts.width, small.facts.height) == size == (whole.facts.width, whole.facts.height)
    assert hashes.distance(hashes.eight(shrink.grey(whole.rgb)), hashes.eight(small.grey)).max() <= 4
    assert min(small.grey.shape) >= min(SIDE, *size)


def test_a_large_jpeg_is_decoded_at_an_eighth_and_claims_no_digest_of_its_pixels() -> None:
    small = glance(saved(drawn(2400, 2048), "JPEG"), side=SIDE)
    assert small.grey.shape == (256, 300)
    assert small.facts.pixel_digest == ""
    assert glance(saved(drawn(64, 64), "PNG"), side=SIDE).facts.pixel_digest != ""


@pytest.mark.parametrize("orientation", range(1, 9))
def test_it_is_turned_upright_as_the_whole_picture_is(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = saved(drawn(1200, 640), "JPEG", exif=exif)
    whole, small = decode(data), glance(data, side=SIDE)
    assert (small.facts.width, small.facts.height, small.facts.orientation) == (
        whole.facts.width,
        whole.facts.height,
        orientation,
    )
    assert hashes.distance(hashes.eight(shrink.grey(whole.rgb))[0], hashes.eight(small.grey)[0]) <= 4


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_other_colours_of_jpeg_are_seen_too(mode: str) -> None:
    data = saved(drawn(1024, 768).convert(mode), "JPEG")
    whole, small = decode(data), glance(data, side=SIDE)
    assert small.facts.mode == mode
    assert hashes.distance(hashes.eight(shrink.grey(whole.rgb)), hashes.eight(small.grey)).max() <= 4


@pytest.mark.parametrize("share", [0.3, 0.7, 0.95])
def test_what_is_truncated_is_broken_for_the_same_reason(share: float) -> None:
    data = saved(drawn(1024, 1024), "JPEG", quality=95)
    part = data[: int(len(data) * share)]
    with pytest.raises(BrokenPicture, match="truncated"):
        decode(part)
    with pytest.raises(BrokenPicture, match="truncated"):
        glance(part, side=SIDE)


def test_a_picture_of_too_many_pixels_is_refused() -> None:
    with pytest.raises(BrokenPicture, match="bomb"):
        glance(saved(drawn(1024, 1024), "JPEG"), side=SIDE, most_pixels=1_000_000)


def test_no_picture_is_told_as_decode_tells_it() -> None:
    for data in (b"", b"hello", b"\xff\xd8\xff"):
        with pytest.raises(BrokenPicture) as whole:
            decode(data)
        with pytest.raises(BrokenPicture) as small:
            glance(data, side=SIDE)
        assert small.value.reason == whole.value.reason
