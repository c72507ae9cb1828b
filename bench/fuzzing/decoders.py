"""The decoder, and what is measured of whatever it lets through."""

from __future__ import annotations

from contextlib import suppress

from fuzzing import pictures as drawn

MOST = 4_000_000  # px: what a hostile head may claim in here, so that memory and time tell of faults and not of size
MEASURED = 200_000  # px up to which the checks run too


class Decoder:
    """One format."""

    def __init__(self, name: str) -> None:
        self._name = name

    def seeds(self) -> list[bytes]:
        return drawn.seeds(self._name)

    def run(self, data: bytes) -> None:
        from curate.errors import BrokenPicture
        from curate.features import checks, hashes
        from curate.pictures import signatures
        from curate.pictures.pixels import decode, encode

        signatures.left_out_as("a.png", data[: signatures.HEAD])
        try:
            found = decode(data, most_pixels=MOST)
        except BrokenPicture as error:
            if not error.reason or not error.reason.isprintable():
                raise AssertionError(f"no line for a list: {error.reason!r}") from error
            with suppress(BrokenPicture):
                decode(data, most_pixels=MOST, quick=True)
                raise AssertionError(f"decoded by the quick way alone: {error.reason}") from error
            return
        if decode(data, most_pixels=MOST, quick=True).facts != found.facts:  # the digest of the pixels among them
            raise AssertionError("the quick way decodes another picture")
        height, width, channels = found.rgb.shape
        if (width, height, channels) != (found.facts.width, found.facts.height, 3):
            raise AssertionError(f"the picture is not as it says: {found.rgb.shape}, {found.facts}")
        if width * height <= MEASURED:
            view = checks.view(found.rgb)
            hashes.eight(view.grey)
            for check in checks.CHECKS:
                values = check.measure(view).values()
                if not all(float("-inf") < value < float("inf") for value in values):
                    raise AssertionError(f"{check.__name__} gave {list(values)}")
            encode(found.rgb, format="png")
