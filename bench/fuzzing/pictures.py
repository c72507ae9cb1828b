"""Small sound pictures of every format, to begin with."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from typing import Any

FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP", "AVIF", "HEIF")
SIZE = (48, 32)  # px: small files, so that a change of one byte matters


def seeds(name: str) -> list[bytes]:
    """Files of one format in the modes, compressions and with the metadata that it can have."""
    return list(_MAKERS[name]())


def _scene(mode: str = "RGB") -> Any:
    import numpy as np
    from PIL import Image

    rows, columns = np.mgrid[0 : SIZE[1], 0 : SIZE[0]]
    pixels = np.dstack((columns * 5, rows * 7, (rows * columns) % 256, 255 - columns)).astype(np.uint8)
    return Image.fromarray(pixels).convert(mode)


def _saved(image: Any, name: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, name, **options)
    return file.getvalue()


def _exif(orientation: int = 6) -> bytes:
    from PIL import Image

    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010E] = "a picture"
    exif.get_ifd(0x8825)[2] = (52.0, 30.0, 0.0)
    return bytes(exif.tobytes())


def _icc() -> bytes:
    from PIL import ImageCms

    return bytes(ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes())


def _jpeg() -> Iterator[bytes]:
    yield _saved(_scene(), "JPEG", exif=_exif(), icc_profile=_icc())
    yield _saved(_scene(), "JPEG", progressive=True, quality=50)
    yield _saved(_scene("L"), "JPEG", exif=_exif(3))
    yield _saved(_scene("CMYK"), "JPEG", subsampling=2)
    yield _saved(_scene(), "JPEG", restart_marker_blocks=2, comment=b"x" * 40)
    yield _saved(_scene(), "MPO", save_all=True, append_images=[_scene()])


def _png() -> Iterator[bytes]:
    import numpy as np
    from PIL import Image, PngImagePlugin

    text = PngImagePlugin.PngInfo()
    text.add_text("prompt", "x" * 300, zip=True)
    text.add_itxt("XML:com.adobe.xmp", '<x:xmpmeta tiff:Orientation="6"/>', zip=True)
    yield _saved(_scene(), "PNG", pnginfo=text, exif=_exif(), icc_profile=_icc())
    yield _saved(_scene("P"), "PNG", transparency=3)
    yield _saved(_scene("RGBA"), "PNG", save_all=True, append_images=[_scene("RGBA")])
    yield _saved(_scene("1"), "PNG")
    yield _saved(_scene("LA"), "PNG")
    yield _saved(Image.fromarray(np.arange(1536, dtype=np.uint16).reshape(32, 48) * 40), "PNG", transparency=40)


def _gif() -> Iterator[bytes]:
    yield _saved(_scene("P"), "GIF", transparency=1, comment=b"hello")
    yield _saved(_scene("P"), "GIF", save_all=True, append_images=[_scene("L").convert("P")] * 3, disposal=2, loop=0)
    yield _saved(_scene("L"), "GIF", interlace=1)


def _webp() -> Iterator[bytes]:
    yield _saved(_scene(), "WEBP", quality=60, exif=_exif(), icc_profile=_icc())
    yield _saved(_scene("RGBA"), "WEBP", lossless=True)
    yield _saved(_scene("RGBA"), "WEBP", save_all=True, append_images=[_scene("RGBA")] * 2, xmp=b"<x/>")


def _tiff() -> Iterator[bytes]:
    import numpy as np
    from PIL import Image

    for way in (None, "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg"):
        yield _saved(_scene(), "TIFF", compression=way, tiffinfo={274: 6})
    yield _saved(_scene("1"), "TIFF", compression="group4")
    yield _saved(_scene("RGBA"), "TIFF", big_tiff=True)
    yield _saved(_scene("CMYK"), "TIFF", icc_profile=_icc())
    yield _saved(_scene("L"), "TIFF", save_all=True, append_images=[_scene("L")])
    yield _saved(Image.fromarray(np.linspace(-1, 20, 1536, dtype=np.float32).reshape(32, 48)), "TIFF")
    yield _saved(Image.fromarray(np.arange(1536, dtype=np.uint16).reshape(32, 48)), "TIFF")
    yield _floats()


def _floats() -> bytes:
    """Colours of 32-bit floats, which Pillow neither writes nor reads."""
    import cv2
    import numpy as np

    return bytes(cv2.imencode(".tiff", np.asarray(_scene(), np.float32) / 255)[1])


def _bmp() -> Iterator[bytes]:
    yield _saved(_scene(), "BMP")
    yield _saved(_scene("RGBA"), "BMP")
    yield _saved(_scene("P"), "BMP")
    yield _saved(_scene("1"), "BMP")


def _avif() -> Iterator[bytes]:
    yield _saved(_scene(), "AVIF", quality=50, exif=_exif(), icc_profile=_icc(), speed=10)
    yield _saved(_scene("RGBA"), "AVIF", speed=10)
    yield _saved(_scene(), "AVIF", save_all=True, append_images=[_scene("L").convert("RGB")], speed=10)


def _heif() -> Iterator[bytes]:
    import pillow_heif

    for mode in ("RGB", "RGBA", "L"):
        image = _scene(mode)
        kept = pillow_heif.from_bytes(mode=mode, size=image.size, data=image.tobytes())
        file = io.BytesIO()
        kept.save(file, quality=60, exif=_exif())
        yield file.getvalue()


_MAKERS: Mapping[str, Callable[[], Iterator[bytes]]] = {
    "JPEG": _jpeg,
    "PNG": _png,
    "GIF": _gif,
    "WEBP": _webp,
    "TIFF": _tiff,
    "BMP": _bmp,
    "AVIF": _avif,
    "HEIF": _heif,
}
