"""Where a picture was taken can be told and taken out, with every pixel and profile as it was."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, PngImagePlugin

from curate import pictures
from curate.errors import BrokenPicture
from curate.pictures.pixels import location

PLACE = {1: "N", 2: (52.0, 31.0, 12.0), 3: "E", 4: (13.0, 24.0, 18.0)}  # EXIF's numbers of GPS latitude and longitude
XMP = (
    b"<?xpacket begin='' id='W5M0MpCehiHzreSzNTczkc9d'?><x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF "
    b"xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'><rdf:Description "
    b"xmlns:exif='http://ns.adobe.com/exif/1.0/' xmlns:photoshop='http://ns.adobe.com/photoshop/1.0/' %s/></rdf:RDF>"
    b"</x:xmpmeta>"
)
XMP_PLACE = XMP % b"exif:GPSLatitude='52,31.2N'"
XMP_NONE = XMP % b"photoshop:Headline='GPS for beginners'"


def exif(place: dict[int, Any] | None = None) -> bytes:
    found = Image.Exif()
    found[0x010F] = "Camera"
    found.get_ifd(0x8769)[0x9286] = b"ASCII\0\0\0a comment"
    if place is not None:
        found[location.GPS] = place
    return found.tobytes()


def drawn(format: str, size: tuple[int, int] = (40, 24), **save: Any) -> bytes:
    rng = np.random.default_rng(1)
    file = io.BytesIO()
    image = Image.fromarray(rng.integers(0, 255, (size[1], size[0], 3), dtype=np.uint8))
    image.save(file, format, icc_profile=ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(), **save)
    return file.getvalue()


def png_with(**texts: Any) -> bytes:
    info = PngImagePlugin.PngInfo()
    for name, (text, packed) in texts.items():
        info.add_text(name.replace("_", " "), text, zip=packed)
    return drawn("PNG", pnginfo=info)


def segment(marker: int, content: bytes) -> bytes:
    return bytes((0xFF, marker)) + (len(content) + 2).to_bytes(2, "big") + content


def with_segments(*segments: bytes) -> bytes:
    data = drawn("JPEG")
    return data[:2] + b"".join(segments) + data[2:]


def extended() -> bytes:
    """XMP in two parts that are cut in the middle of the name of the place."""
    head = b"http://ns.adobe.com/xmp/extension/\0" + b"0" * 32
    cut = XMP_PLACE.index(b"Latitude") + 3
    numbers = [struct.pack(">II", len(XMP_PLACE), at) for at in (0, cut)]
    return with_segments(
        segment(0xE1, head + numbers[0] + XMP_PLACE[:cut]), segment(0xE1, head + numbers[1] + XMP_PLACE[cut:])
    )


def iptc(number: int) -> bytes:
    data = bytes((0x1C, 2, number, 0, 6)) + b"Berlin"
    return segment(0xED, b"Photoshop 3.0\x008BIM\x04\x04\0\0" + len(data).to_bytes(4, "big") + data)


def hexadecimal(data: bytes) -> str:
    return f"\nexif\n{len(data):8}\n{data.hex()}\n"


TELLING = {
    "EXIF in a JPEG": lambda: drawn("JPEG", exif=exif(PLACE)),
    "EXIF in a progressive JPEG": lambda: drawn("JPEG", exif=exif(PLACE), progressive=True),
    "EXIF in a PNG": lambda: drawn("PNG", exif=exif(PLACE)),
    "EXIF in a WebP": lambda: drawn("WEBP", exif=exif(PLACE), lossless=True),
    "XMP in a JPEG": lambda: drawn("JPEG", xmp=XMP_PLACE),
    "XMP in a WebP": lambda: drawn("WEBP", xmp=XMP_PLACE, lossless=True),
    "XMP in a PNG": lambda: png_with(**{"XML:com.adobe.xmp": (XMP_PLACE.decode(), False)}),
    "packed XMP in a PNG": lambda: png_with(**{"XML:com.adobe.xmp": (XMP_PLACE.decode(), True)}),
    "EXIF as a PNG's text": lambda: png_with(Raw_profile_type_exif=(hexadecimal(exif(PLACE)), True)),
    "a name as a PNG's text": lambda: png_with(comment=("exif:GPSLatitude 52", False)),
    "XMP in two parts": extended,
    "XMP in UTF-16": lambda: with_segments(
        segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0"), segment(0xE1, XMP_PLACE.decode().encode("utf-16"))
    ),
    "a city in IPTC": lambda: with_segments(iptc(90)),
    "EXIF that is cut off": lambda: with_segments(segment(0xE1, exif(PLACE)[:60])),
    "EXIF that is none": lambda: with_segments(segment(0xE1, b"Exif\0\0nonsense")),
    "a second picture behind the first": lambda: drawn("JPEG") + drawn("JPEG", exif=exif(PLACE)),
    "a video behind the picture": lambda: (
        drawn("JPEG") + b"\0\0\0\x18ftypmp42" + b"\0\0\0\x20\xa9xyz\0\x12+52.5+013.4/"
    ),
    "a picture behind a PNG": lambda: drawn("PNG") + drawn("JPEG", exif=exif(PLACE)),
    "a picture behind a WebP": lambda: drawn("WEBP", lossless=True) + drawn("JPEG", exif=exif(PLACE)),
    "a comment": lambda: with_segments(segment(0xFE, b"exif:GPSLongitude=13")),
}
SILENT = {
    "a JPEG with EXIF": lambda: drawn("JPEG", exif=exif()),
    "a JPEG with an empty place": lambda: drawn("JPEG", exif=exif({0: b"\2\3\0\0"})),
    "a PNG with EXIF": lambda: drawn("PNG", exif=exif()),
    "a WebP with EXIF": lambda: drawn("WEBP", exif=exif(), lossless=True),
    "XMP that writes of GPS": lambda: drawn("JPEG", xmp=XMP_NONE),
    "a prompt in a PNG": lambda: png_with(parameters=("a woman with a GPS watch, photoshop: none", False)),
    "a headline in IPTC": lambda: with_segments(iptc(105)),
    "a bare picture": lambda: drawn("JPEG"),
}


def format_of(data: bytes) -> str:
    return pictures.decode(data).facts.format


@pytest.mark.parametrize("name", TELLING)
def test_a_place_is_found_and_taken_out_with_every_pixel_as_it_was(name: str) -> None:
    data = TELLING[name]()
    before = pictures.decode(data)
    assert before.facts.has_location
    bare = pictures.without_location(data, before.facts.format)
    after = pictures.decode(bare)
    assert not after.facts.has_location
    assert np.array_equal(before.rgb, after.rgb)
    for trace in (b"Latitude", b"Exif", b"Berlin", b"\xa9xyz", b"52.5"):
        assert trace not in bare
    with warnings.catch_warnings():  # Pillow's, of damaged EXIF
        warnings.simplefilter("ignore")
        one, other = Image.open(io.BytesIO(data)), Image.open(io.BytesIO(bare))
    with one, other:
        other.load()
        assert other.info["icc_profile"] == one.info["icc_profile"]
        assert dict(other.getexif()) == {}


@pytest.mark.parametrize("name", SILENT)
def test_a_picture_that_tells_no_place_is_said_to_tell_none(name: str) -> None:
    assert not pictures.decode(SILENT[name]()).facts.has_location


def test_colours_of_a_cmyk_jpeg_survive_since_adobe_s_segment_stays() -> None:
    file = io.BytesIO()
    Image.new("CMYK", (16, 16), (10, 200, 30, 40)).save(file, "JPEG", exif=exif(PLACE))
    bare = pictures.without_location(file.getvalue(), "JPEG")
    assert b"Adobe" in bare
    assert np.array_equal(pictures.decode(bare).rgb, pictures.decode(file.getvalue()).rgb)


def test_a_webp_says_its_own_length_and_no_exif_any_more() -> None:
    bare = pictures.without_location(TELLING["EXIF in a WebP"](), "WEBP")
    assert int.from_bytes(bare[4:8], "little") == len(bare) - 8
    assert not bare[20] & 0x0C


def test_a_text_that_unpacks_to_gigabytes_counts_as_telling_and_is_not_unpacked() -> None:
    packed = zlib.compress(b"\0" * (64 << 20), 9)
    content = b"comment\0\0" + packed
    chunk = len(content).to_bytes(4, "big") + b"zTXt" + content
    chunk += zlib.crc32(b"zTXt" + content).to_bytes(4, "big")
    data = drawn("PNG")
    data = data[:33] + chunk + data[33:]
    assert location.is_told(data, "PNG", {})
    assert not location.is_told(pictures.without_location(data, "PNG"), "PNG", {})


def test_a_tiff_and_a_heif_tell_their_place() -> None:
    assert pictures.decode(drawn("TIFF", exif=exif(PLACE))).facts.has_location
    assert not pictures.decode(drawn("TIFF")).facts.has_location
    heif = pytest.importorskip("pillow_heif")
    file = io.BytesIO()
    image = heif.from_pillow(Image.new("RGB", (64, 64)))
    image.save(file, exif=exif(PLACE))
    assert pictures.decode(file.getvalue()).facts.has_location


def test_other_formats_are_never_written_as_they_are() -> None:
    with pytest.raises(ValueError, match="written anew"):
        pictures.without_location(drawn("TIFF"), "TIFF")


@settings(max_examples=150, deadline=None)
@given(
    name=st.sampled_from(sorted(TELLING)), flips=st.lists(st.tuples(st.integers(0), st.integers(0, 255)), max_size=6)
)
def test_a_damaged_file_never_ends_the_search_and_never_tells_afterwards(
    name: str, flips: list[tuple[int, int]]
) -> None:
    data = bytearray(TELLING[name]())
    for at, value in flips:
        data[12 + at % (len(data) - 12)] = value
    try:
        before = pictures.decode(bytes(data))
    except BrokenPicture:
        return
    bare = pictures.without_location(bytes(data), before.facts.format)
    after = pictures.decode(bare)
    assert np.array_equal(before.rgb, after.rgb)
    assert b"exif:GPSLatitude" not in bare


def test_the_samples_lose_nothing(sample_folder: Path) -> None:
    for path in sorted(sample_folder.rglob("*.jpg"))[:12]:
        data = path.read_bytes()
        bare = pictures.without_location(data, "JPEG")
        assert pictures.decode(bare).facts.pixel_digest == pictures.decode(data).facts.pixel_digest
