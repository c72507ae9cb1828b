"""Every format and colour model comes out upright, 8-bit, sRGB."""

from __future__ import annotations

import importlib.util
import random
import struct
import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import drawn_pictures as drawn
import numpy as np
import PIL
import pytest
import xxhash
from PIL import Image

from curate.errors import BrokenPicture
from curate.pictures import decode, decode_for_export

SAMPLES = Path(__file__).parents[2] / "sample_images"
UPRIGHT = drawn.quarters()
STORED = {  # EXIF orientation -> how a camera held that way stores the upright picture (EXIF 2.32, 4.6.4)
    1: UPRIGHT,
    2: UPRIGHT[:, ::-1],
    3: UPRIGHT[::-1, ::-1],
    4: UPRIGHT[::-1],
    5: UPRIGHT.swapaxes(0, 1),
    6: np.rot90(UPRIGHT, 1),
    7: UPRIGHT[::-1, ::-1].swapaxes(0, 1),
    8: np.rot90(UPRIGHT, -1),
}


def exif(orientation: int) -> bytes:
    tags = Image.Exif()
    tags[0x0112] = orientation
    return tags.tobytes()


def far(a, b) -> int:
    """The largest difference away from the edges between the quarters, in levels."""
    assert a.shape == b.shape
    apart = np.abs(a.astype(int) - b.astype(int)).max(axis=2)
    height, width = apart.shape
    apart[height // 2 - 6 : height // 2 + 6] = 0
    apart[:, width // 2 - 6 : width // 2 + 6] = 0
    return int(apart.max())


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "AVIF", "TIFF", "HEIF"])
def test_every_orientation_comes_out_upright(name, orientation):
    stored = np.ascontiguousarray(STORED[orientation])
    if name == "TIFF":
        data = drawn.tiff(stored, 2, orientation=orientation)
    elif name == "HEIF":
        data = heif(stored, orientation)
    else:
        data = drawn.saved(stored, name, exif=exif(orientation), quality=95)
    decoded = decode(data)
    assert far(decoded.rgb, UPRIGHT) <= 12
    facts = decoded.facts
    assert (facts.width, facts.height, facts.orientation, facts.format) == (60, 40, orientation, name)


def heif(pixels, orientation=1) -> bytes:
    from pillow_heif import libheif_info, register_heif_opener

    if not libheif_info()["HEIF"]:
        pytest.skip("this build of pillow_heif cannot write HEIC")
    register_heif_opener()
    return drawn.saved(pixels, "HEIF", quality=95, exif=exif(orientation))


def test_the_eight_stored_forms_differ_so_that_a_turn_shows():
    forms = {(form.shape, form.tobytes()) for form in STORED.values()}
    assert len(forms) == 8


def test_an_orientation_told_after_the_pixels_of_a_png_counts():
    plain = drawn.saved(np.ascontiguousarray(STORED[6]), "PNG")
    end = plain.index(b"IEND") - 4
    late = plain[:end] + drawn.chunk(b"eXIf", exif(6).removeprefix(b"Exif\0\0")) + plain[end:]
    assert np.array_equal(decode(late).rgb, UPRIGHT)


@pytest.mark.parametrize("nonsense", [b"", b"Exif\0\0", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0" + b"\x99" * 40])
def test_corrupt_exif_does_not_fail_a_picture(nonsense):
    decoded = decode(drawn.saved(UPRIGHT, "PNG", exif=nonsense))
    assert np.array_equal(decoded.rgb, UPRIGHT)
    assert decoded.facts.orientation == 1


def with_hidden_colour(mode: str):
    """Left half opaque, right half fully transparent over pure magenta."""
    image = Image.new("RGBA", (20, 10), (255, 0, 255, 0))
    image.paste((10, 200, 30, 255), (0, 0, 10, 10))
    if mode == "LA":
        image = Image.merge("LA", (image.convert("RGB").convert("L"), image.getchannel("A")))
    return image


@pytest.mark.parametrize("name", ["PNG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize("background", [(255, 255, 255), (0, 0, 0), (12, 34, 56)])
def test_hidden_colours_of_transparent_pixels_never_show(name, background):
    options = {"PNG": {}, "TIFF": {}, "WEBP": {"lossless": True, "exact": True}, "AVIF": {"quality": 100}}[name]
    decoded = decode(drawn.saved(with_hidden_colour("RGBA"), name, **options), background=background)
    assert np.all(decoded.rgb[:, 12:] == background)
    assert np.abs(decoded.rgb[:, :8].astype(int) - (10, 200, 30)).max() <= 6
    assert decoded.facts.has_alpha


def test_grey_with_alpha_is_composited():
    decoded = decode(drawn.saved(with_hidden_colour("LA"), "PNG"))
    assert np.all(decoded.rgb[:, 10:] == 255)
    assert decoded.facts.mode == "LA"


def test_half_transparent_pixels_are_mixed_with_the_background():
    data = drawn.saved(Image.new("RGBA", (4, 4), (200, 100, 0, 128)), "PNG")
    assert np.abs(decode(data).rgb.astype(int) - (227, 177, 127)).max() <= 1


def test_an_alpha_channel_that_is_opaque_throughout_is_no_transparency():
    facts = decode(drawn.saved(Image.fromarray(UPRIGHT).convert("RGBA"), "PNG")).facts
    assert (facts.mode, facts.has_alpha) == ("RGBA", False)


@pytest.mark.parametrize("name", ["PNG", "GIF"])
def test_a_transparent_palette_colour_becomes_background(name):
    image = Image.new("P", (8, 4), 1)
    image.putpalette([9, 9, 9, 255, 0, 255])
    image.paste(0, (0, 0, 4, 4))
    decoded = decode(drawn.saved(image, name, transparency=1), background=(1, 2, 3))
    assert np.all(decoded.rgb[:, 4:] == (1, 2, 3))
    assert np.all(decoded.rgb[:, :4] == 9)
    assert decoded.facts.has_alpha


def test_palette_transparency_in_bytes_raises_no_warning():
    image = Image.new("P", (4, 4), 1)
    image.putpalette([9, 9, 9, 255, 0, 255])
    decoded = decode(drawn.saved(image, "PNG", transparency=b"\xff\x00"))
    assert np.all(decoded.rgb == 255)


def test_a_colour_key_hides_its_colour_at_every_depth():
    rgb = np.array([[[10, 20, 30], [1, 2, 3]]])
    key = drawn.chunk(b"tRNS", bytes([0, 10, 0, 20, 0, 30]))
    assert decode(drawn.png(rgb, 2, 8, key)).rgb.tolist() == [[[255] * 3, [1, 2, 3]]]
    deep = drawn.png(rgb * 257, 2, 16, drawn.chunk(b"tRNS", bytes([10, 10, 20, 20, 30, 30])))
    assert decode(deep).rgb.tolist() == [[[255] * 3, [1, 2, 3]]]
    grey = drawn.png(np.array([[0, 1, 2, 3]]), 0, 2, drawn.chunk(b"tRNS", b"\0\1"))
    assert decode(grey, background=(7, 7, 7)).rgb[0, :, 0].tolist() == [0, 7, 170, 255]
    grey16 = drawn.png(np.array([[1000, 30000]]), 0, 16, drawn.chunk(b"tRNS", (1000).to_bytes(2, "big")))
    assert decode(grey16).rgb[0, :, 0].tolist() == [255, 117]


def test_deep_grey_is_scaled_and_not_clipped():
    ramp = np.linspace(0, 65535, 64).round().reshape(4, 16)
    expected = np.rint(ramp / 257)
    for data in (
        drawn.png(ramp, 0, 16),
        drawn.tiff(ramp.astype(np.uint16), 1),
        drawn.tiff(65535 - ramp.astype(np.uint16), 0),  # white is zero
        drawn.tiff(ramp.astype(np.int32), 1, 2),
        drawn.tiff((ramp * 65537).astype(np.uint32), 1),
        drawn.tiff((ramp / 65535).astype(np.float32), 1, 3),
        drawn.tiff((ramp / 257).astype(np.float32), 1, 3),
        drawn.tiff((ramp * 3 - 70000).astype(np.float32), 1, 3),
        drawn.tiff((ramp / 65535).astype(np.float64), 1, 3),
    ):
        decoded = decode(data)
        assert np.abs(decoded.rgb - expected[..., None]).max() <= 1
        assert decoded.facts.bits in (16, 32, 64)


def test_32_bit_numbers_that_are_levels_of_8_bits_stay_as_they_are():
    levels = np.arange(0, 200, 10).reshape(4, 5)
    assert np.array_equal(decode(drawn.tiff(levels.astype(np.int32), 1, 2)).rgb[..., 0], levels)


def test_light_above_one_is_scaled_down_and_not_clipped():
    light = np.array([[0.0, 0.61, 1.2]], np.float32)
    assert decode(drawn.tiff(light, 1, 3)).rgb[0, :, 0].tolist() == [0, 130, 255]


def test_not_a_number_is_no_brightness():
    assert decode(drawn.tiff(np.array([[np.nan, 0.0, 1.0, np.inf]], np.float32), 1, 3)).rgb[0, :, 1].tolist() == [
        0,
        0,
        255,
        255,
    ]


@pytest.mark.parametrize("kind", ["png", "png with alpha", "tiff", "float tiff", "double tiff"])
def test_deep_colour_becomes_8_bits(kind):
    deep = UPRIGHT.astype(np.uint16) * 257
    if kind == "png":
        data = drawn.png(deep, 2, 16)
    elif kind == "png with alpha":
        data = drawn.png(np.dstack((deep, np.full(deep.shape[:2], 65535))), 6, 16)
    elif kind == "tiff":
        data = drawn.tiff(deep, 2)
    else:
        data = drawn.tiff((UPRIGHT / 255).astype(np.float32 if kind == "float tiff" else np.float64), 2, 3)
    decoded = decode(data)
    assert np.array_equal(decoded.rgb, UPRIGHT)
    assert decoded.facts.bits == {"float tiff": 32, "double tiff": 64}.get(kind, 16)


def test_a_turned_float_picture_is_turned_back():
    data = drawn.tiff((STORED[6] / 255).astype(np.float32), 2, 3, orientation=6)
    assert np.array_equal(decode(data).rgb, UPRIGHT)


def test_one_bit_and_palette_pictures():
    dots = np.kron(np.array([[1, 0], [0, 1]], np.uint8), np.ones((4, 4), np.uint8)) * 255
    one = decode(drawn.saved(Image.fromarray(dots).convert("1"), "PNG"))
    assert np.array_equal(one.rgb[..., 0], dots)
    assert (one.facts.mode, one.facts.bits) == ("1", 1)
    palette = decode(drawn.saved(Image.fromarray(UPRIGHT).quantize(8), "PNG"))
    assert far(palette.rgb, UPRIGHT) <= 8


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw"])
@pytest.mark.parametrize("mode", ["CMYK", "YCbCr", "LAB"])
def test_other_colour_models_in_tiff(mode, compression):
    if (mode, compression, PIL.__version__[:4]) == ("YCbCr", "raw", "12.3"):
        pytest.skip("Pillow 12.3, the last for Python 3.10, calls every uncompressed YCbCr TIFF truncated")
    if mode == "LAB":
        from PIL import ImageCms

        transform = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB")
        image = ImageCms.applyTransform(Image.fromarray(UPRIGHT), transform)
    else:
        image = Image.fromarray(UPRIGHT).convert(mode)
    lost = 13 if mode == "LAB" else 4  # levels: 8-bit LAB is coarse where colours are strong
    assert far(decode(drawn.saved(image, "TIFF", compression=compression)).rgb, UPRIGHT) <= lost


def test_cmyk_jpeg_with_and_without_a_broken_profile_keeps_its_colours():
    image = Image.fromarray(UPRIGHT).convert("CMYK")
    for options in ({}, {"icc_profile": b"no profile"}, {"icc_profile": drawn.srgb_profile()}):
        decoded = decode(drawn.saved(image, "JPEG", quality=95, **options))
        assert far(decoded.rgb, UPRIGHT) <= 6
        assert (decoded.facts.mode, decoded.facts.profile) == ("CMYK", "")


def ink_profile() -> bytes:
    """A CMYK profile (ICC version 2, lut8) in which ink only darkens: L = 100 (1-C)(1-M)(1-Y)(1-K), a = b = 0."""
    grid = np.array([1.0, 0.0])
    light = np.einsum("c,m,y,k->cmyk", grid, grid, grid, grid).reshape(-1)
    table = np.stack([light * 255, np.full(16, 128), np.full(16, 128)], axis=1).round().astype(np.uint8)
    ramp = bytes(range(256))
    matrix = struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 65536)
    lut = b"mft1" + bytes(4) + bytes([4, 3, 2, 0]) + matrix + ramp * 4 + table.tobytes() + ramp * 3
    desc = b"desc" + bytes(4) + struct.pack(">I", 4) + b"ink\0" + bytes(78)
    white = drawn._xyz(np.array([0.9642, 1.0, 0.8249]))
    parts = [(b"desc", desc), (b"wtpt", white), (b"A2B0", lut), (b"A2B1", lut)]
    rows, body, at = b"", b"", 132 + 12 * len(parts)
    for tag, content in parts:
        rows += tag + struct.pack(">II", at + len(body), len(content))
        body += content + b"\0" * (-len(content) % 4)
    header = struct.pack(">I4sI4s4s4s", at + len(body), b"", 0x02400000, b"prtr", b"CMYK", b"Lab ")
    header += struct.pack(">6H", 2020, 1, 1, 0, 0, 0) + b"acsp" + bytes(28) + white[8:] + bytes(48)
    return header + struct.pack(">I", len(parts)) + rows + body


@pytest.mark.parametrize("name", ["JPEG", "TIFF"])
def test_a_cmyk_profile_is_applied(name):
    image = Image.new("CMYK", (16, 16), (255, 0, 0, 0))  # full cyan, which this profile calls black
    decoded = decode(drawn.saved(image, name, icc_profile=ink_profile()))
    assert decoded.facts.profile == "ink"
    assert decoded.rgb.max() <= 8
    blank = decode(drawn.saved(Image.new("CMYK", (16, 16), (0, 0, 0, 0)), name, icc_profile=ink_profile()))
    assert blank.rgb.min() >= 247


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P"])
def test_a_wide_gamut_is_converted_to_srgb(mode):
    """Reference: matrix, gamma and sRGB's curve (IEC 61966-2-1), worked out here without a colour library."""
    stored = np.full((8, 8, 3), (150, 120, 90), np.uint8)
    image = Image.fromarray(stored).quantize(2) if mode == "P" else Image.fromarray(stored).convert(mode)
    decoded = decode(drawn.saved(image, "PNG", icc_profile=drawn.profile(drawn.REC2020, name="Wide 2020")))
    expected = reference_srgb((150, 120, 90), drawn.REC2020)
    assert np.abs(decoded.rgb[0, 0].astype(int) - expected).max() <= 2
    assert np.abs(expected - (150, 120, 90)).max() >= 8
    assert decoded.facts.profile == "Wide 2020"


def reference_srgb(colour, primaries):
    white = np.array([0.9642, 1.0, 0.8249])
    columns = np.array([(x / y, 1.0, (1 - x - y) / y) for x, y in primaries]).T
    xyz = (columns * np.linalg.solve(columns, white)) @ (np.array(colour) / 255) ** 2.2
    d50 = np.array(
        [[0.4360747, 0.3850649, 0.1430804], [0.2225045, 0.7168786, 0.0606169], [0.0139322, 0.0971045, 0.7141733]]
    )
    linear = np.clip(np.linalg.solve(d50, xyz), 0, 1)
    return np.rint(255 * np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055))


def test_a_grey_profile_is_applied():
    data = drawn.saved(Image.new("L", (8, 8), 128), "JPEG", icc_profile=drawn.profile(None, gamma=1.0, name="linear"))
    decoded = decode(data)
    assert abs(int(decoded.rgb[0, 0, 0]) - 188) <= 2  # linear light .502 in sRGB's curve
    assert decoded.facts.profile == "linear"


def test_an_srgb_profile_or_one_for_another_model_changes_nothing():
    plain = decode(drawn.saved(UPRIGHT, "PNG"))
    for icc in (drawn.srgb_profile(), drawn.profile(None), b"", b"\0" * 200, drawn.profile(drawn.REC2020)[:150]):
        decoded = decode(drawn.saved(UPRIGHT, "PNG", icc_profile=icc))
        assert (decoded.facts.profile, decoded.facts.pixel_digest) == ("", plain.facts.pixel_digest)


@pytest.mark.parametrize("name", ["GIF", "WEBP", "PNG", "TIFF"])
def test_the_first_of_several_frames_is_shown(name):
    frames = [Image.fromarray(UPRIGHT), Image.fromarray(255 - UPRIGHT), Image.fromarray(UPRIGHT[::-1])]
    data = drawn.saved(
        frames[0], name, save_all=True, append_images=frames[1:], **({"lossless": True} if name == "WEBP" else {})
    )
    decoded = decode(data)
    assert far(decoded.rgb, UPRIGHT) <= 2
    assert decoded.facts.frames == 3


def test_heic_and_avif_tell_their_depth():
    assert decode(drawn.saved(UPRIGHT, "AVIF")).facts.bits == 8
    assert decode(heif(UPRIGHT)).facts.bits == 8


def test_the_pixel_digest_is_that_of_size_and_pixels():
    decoded = decode(drawn.saved(UPRIGHT, "PNG"))
    assert decoded.facts.pixel_digest == xxhash.xxh3_128_hexdigest(b"60x40" + UPRIGHT.tobytes())
    assert decode(drawn.saved(UPRIGHT[::-1], "PNG")).facts.pixel_digest != decoded.facts.pixel_digest
    turned = drawn.saved(np.ascontiguousarray(STORED[6]), "PNG", exif=exif(6))
    assert decode(turned).facts.pixel_digest == decoded.facts.pixel_digest


def test_a_truncated_sample_is_broken_and_says_how_much_is_there():
    with pytest.raises(BrokenPicture) as caught:
        decode((SAMPLES / "nora_21.jpg").read_bytes())
    assert caught.value.reason == "truncated: the file ends after 50 % of the picture"


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "BMP", "GIF", "AVIF", "TIFF"])
def test_half_a_file_is_truncated_in_every_format(name):
    noise = np.random.default_rng(1).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    data = drawn.saved(noise, name)
    with pytest.raises(BrokenPicture, match="truncated"):
        decode(data[: len(data) // 2])


def test_a_damaged_png_is_not_called_truncated():
    data = bytearray(drawn.saved(Image.open(SAMPLES / "nora_20.jpg"), "PNG"))
    data[len(data) // 2 : len(data) // 2 + 40] = b"\xff" * 40
    with pytest.raises(BrokenPicture) as caught:
        decode(bytes(data))
    assert caught.value.reason.startswith("damaged: decoding stops after")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty file"),
        (b"<html>no such picture</html>", "not a picture"),
        (
            b"BM" + struct.pack("<IIIIiiHHIIiiII", 99, 0, 54, 40, 65536, 65536, 1, 24, 0, 0, 0, 0, 0, 0),
            "decompression bomb: 4295 megapixels",
        ),
    ],
)
def test_what_is_no_picture_is_refused_with_its_reason(data, reason):
    with pytest.raises(BrokenPicture) as caught:
        decode(data)
    assert caught.value.reason == reason


def test_pillows_own_limit_on_pixels_neither_warns_nor_refuses(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    assert np.array_equal(decode(drawn.saved(UPRIGHT, "PNG")).rgb, UPRIGHT)


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "BMP", "GIF", "AVIF"])
def test_hostile_bytes_raise_nothing_but_broken_picture(name):
    whole = drawn.saved(UPRIGHT, name)
    chance = random.Random(7)
    for _ in range(60):
        data = bytearray(whole)
        for _ in range(chance.choice((1, 4, 30))):
            data[chance.randrange(len(data))] = chance.randrange(256)
        with suppress(BrokenPicture):
            decode(bytes(data))


def test_threads_get_the_same_pixels_and_no_warning_filter_stays_behind():
    files = [path.read_bytes() for path in sorted(SAMPLES.glob("nora_0*.jpg"))]
    files.append(drawn.saved(UPRIGHT, "PNG", icc_profile=drawn.profile(drawn.REC2020)))
    files.append(drawn.saved(with_hidden_colour("RGBA"), "WEBP"))
    alone = [decode(data).facts.pixel_digest for data in files]
    before = list(warnings.filters)
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda data: decode(data).facts.pixel_digest, files * 5))
    assert together == alone * 5
    assert warnings.filters == before


def test_the_hosts_own_pillow_is_left_alone():
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from PIL import Image; Image.init(); before = (Image.MAX_IMAGE_PIXELS, sorted(Image.OPEN))\n"
        "from curate.pictures import decode; decode(open(sys.argv[2], 'rb').read())\n"
        "assert before == (Image.MAX_IMAGE_PIXELS, sorted(Image.OPEN))"
    )
    root = str(SAMPLES.parent)
    subprocess.run([sys.executable, "-c", code, root, str(SAMPLES / "nora_01.jpg")], check=True)


def test_importing_the_room_loads_no_heavy_library():
    code = "import sys; import curate.pictures; print(*({'numpy', 'PIL', 'cv2', 'pillow_heif'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=SAMPLES.parent)
    assert done.stdout.strip() == ""


def test_pixels_are_read_only():
    with pytest.raises(ValueError, match="read-only"):
        decode(drawn.saved(UPRIGHT, "PNG")).rgb[0, 0] = 0


def test_for_export_pixels_are_those_of_decode_or_keep_their_alpha():
    data = drawn.saved(with_hidden_colour("RGBA"), "PNG")
    flat, facts = decode_for_export(data)
    assert np.array_equal(flat, decode(data).rgb)
    kept, same = decode_for_export(data, keep_alpha=True)
    assert same == facts
    assert kept.shape == (10, 20, 4)
    assert kept[0, 15].tolist() == [255, 255, 255, 0]  # the hidden magenta is gone
    assert kept[0, 5].tolist() == [10, 200, 30, 255]
    opaque, _ = decode_for_export(drawn.saved(UPRIGHT, "PNG"), keep_alpha=True)
    assert opaque.shape == (40, 60, 3)


@pytest.mark.skipif(importlib.util.find_spec("pillow_jxl") is None, reason="pillow-jxl-plugin is not installed")
def test_jpeg_xl_is_read_where_its_plugin_is():
    import pillow_jxl  # noqa: F401

    assert far(decode(drawn.saved(UPRIGHT, "JXL", lossless=True)).rgb, UPRIGHT) == 0
