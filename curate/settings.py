"""What a user may set, each with its unit and the source of its default."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

LARGEST_PICTURE = 512_000_000  # pixels, 1.5 GB of RGB: what no setting exceeds


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanSettings:
    """How a folder is scanned."""

    model: str = "auto"  # auto, clip, builtin, none (no views either), NAME/TAG or NAME/file.pt of open_clip
    device: str = "auto"  # auto, cpu, cuda, cuda:N, mps
    offline: bool = False  # never fetch anything
    cache: Path | None = None  # folder of the feature cache; None: the user's cache folder
    use_cache: bool = True
    decisions: Path | None = None  # folder of the user's decisions; None: below `cache`, else the user's data folder
    regularisation: tuple[str, ...] = ()  # folders of regularisation pictures, in the set or elsewhere, besides reg/
    background: tuple[int, int, int] = (255, 255, 255)  # RGB 0-255 shown behind transparent pixels
    resolution: int = 1024  # px, side of the square of equal area that will be trained: SDXL, Flux
    views: Literal["auto", "off"] = "auto"  # auto: measured where the model files are there or can be fetched
    mirror_ok: bool = False  # left and right views count as one: for subjects and trainers that may be mirrored
    preset: str = "character"  # whose views are wanted: a name of diversity.TARGETS
    batch_size: int = 32  # pictures a batch of the embedder
    workers: int = 0  # decoding processes here or actors of Ray; 0: one a core of the machine or the cluster
    engine: Literal["local", "ray"] = "local"  # who measures: this machine, or a Ray cluster
    address: str = ""  # of the cluster: HOST:PORT, auto or local; "": $RAY_ADDRESS, else Ray is started here
    features: str = ""  # folder or fsspec address of measured features as Parquet; "": below `cache` for Ray, else none
    most_pixels: int = 256_000_000  # of a picture, else it is listed as broken; telephones make 200 megapixels
    most_seconds: float = 60.0  # s that one picture may take to decode
    memory_mb: int = 768  # MiB for small pictures that are held until they are compared, and for what is seen in them
    # then; beyond it files are read again

    @property
    def thumbnail_bytes(self) -> int:
        """What small pictures may take of `memory_mb`; as much is left for what is seen in them."""
        return (self.memory_mb << 20) // 2

    def __post_init__(self) -> None:
        if isinstance(self.cache, str):  # as people write it
            object.__setattr__(self, "cache", Path(self.cache))
        if isinstance(self.decisions, str):
            object.__setattr__(self, "decisions", Path(self.decisions))
        if self.model == "none":  # hashes and alignment only: the networks for views take longer than all of these
            object.__setattr__(self, "views", "off")
