"""The nouns: what flows from one stage to the next.

Row i of every array is `catalog.pictures[i]`. A picture's identity is `digest`, the SHA-256 of its file's bytes.
Paths are relative to the scanned folder, with forward slashes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Kind = Literal["identical", "copy", "lookalike"]
Role = Literal["subject", "regularisation"]
CaptionProblem = Literal["missing", "empty", "not_utf8"]
Framing = Literal["close_up", "upper_body", "three_quarter", "full_body"]
FRAMINGS: tuple[Framing, ...] = ("close_up", "upper_body", "three_quarter", "full_body")  # from near to far


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """One picture file of the folder, with what lies beside it."""

    path: str
    digest: str  # SHA-256 of the bytes, hex
    size_bytes: int
    caption: str | None = None  # the text, decoded; None where there is none
    caption_path: str | None = None  # the sidecar or metadata file that it came from
    caption_problem: CaptionProblem | None = None  # None: a usable caption
    caption_digest: str | None = None  # SHA-256 of that file's bytes, hex
    mask_path: str | None = None
    subset: str = ""  # the folder it is laid out in, e.g. "10_sks man"; "" directly below the scanned folder
    repeats: int = 1  # of that subset, by kohya's folder names
    role: Role = "subject"


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A file that is no usable picture: broken or ignored, and why."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalog:
    """What lies in a folder: each file is one of a picture, a caption or mask of one, broken, or ignored."""

    folder: str  # absolute path, or address
    pictures: tuple[Picture, ...]
    broken: tuple[LeftOut, ...] = ()
    ignored: tuple[LeftOut, ...] = ()
    outside: tuple[tuple[str, str], ...] = ()  # (start of paths, absolute folder) of regularisation folders elsewhere


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the one decode of a picture's file tells, besides its pixels."""

    width: int  # px, upright (EXIF orientation applied)
    height: int  # px
    format: str  # Pillow's name: JPEG, PNG, WEBP, ...
    mode: str  # Pillow's mode as stored: RGB, RGBA, CMYK, I;16, P, ...
    orientation: int  # EXIF, 1-8; 1 is upright
    has_alpha: bool  # some pixel is not opaque
    frames: int  # 1 unless animated
    profile: str  # "" for none or sRGB, else the ICC profile's description
    bits: int  # per channel, as stored
    pixel_digest: str  # XXH3 (128 bits) of size and upright RGB pixels, hex: equal where what they show is equal
    has_location: bool = False  # the file tells where it was taken


@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """What was measured of each picture."""

    facts: tuple[Facts, ...]
    hashes: NDArray[np.uint64]  # [N, 8] perceptual hashes of the eight orientations; column 0 upright
    embeddings: NDArray[np.float32]  # [N, D], each row of length 1; [N, 0] where nothing was embedded
    checks: tuple[Mapping[str, float], ...]  # raw value of each quality check, by name
    sightings: tuple[Mapping[str, float] | None, ...] = ()  # what face and body networks saw, by name; None: not looked

    def __post_init__(self) -> None:
        n = len(self.facts)
        if self.hashes.shape != (n, 8) or self.hashes.dtype.name != "uint64":
            raise ValueError(f"hashes: expected uint64 [{n}, 8], got {self.hashes.dtype} {self.hashes.shape}")
        if self.embeddings.ndim != 2 or len(self.embeddings) != n or self.embeddings.dtype.name != "float32":
            raise ValueError(
                f"embeddings: expected float32 [{n}, D], got {self.embeddings.dtype} {self.embeddings.shape}"
            )
        if len(self.checks) != n:
            raise ValueError(f"checks: expected {n} rows, got {len(self.checks)}")

    @property
    def embedded(self) -> bool:
        """False where pictures have no embeddings (`--model none`), and what rests on them is not measured."""
        return bool(self.embeddings.shape[1]) or not self.facts


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """The embedder that was used, and its similarity scale."""

    name: str
    device: str
    half_similarity: float  # h: cosine at which two pictures count as 1.33 effective images
    calibrated: bool  # False: it cannot tell a new view from a copy
    why: str = ""  # why this one, and how to have another: one line
    edit_floor: float = 0.0  # cosine of the calibration pictures' farthest own edit


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One quality check of one picture."""

    value: float
    unit: str
    finding: str | None = None  # None: nothing to say; else one sentence that says what to do


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """A part of a picture, in shares of its width and height (0-1)."""

    left: float
    top: float
    right: float
    bottom: float
    share: float  # of the picture's area that really changed


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One picture of a group, beside its keeper."""

    row: int
    kind: Kind
    edit: str  # how it was made from the keeper: "mirrored, cropped to 81 %"
    correlation: float | None = None  # None where no alignment was needed or possible
    similarity: float | None = None  # cosine of the embeddings
    changed: Region | None = None  # in shares of the keeper
    map: tuple[float, float, float, float, float, float] | None = None
    # affine, shares of the keeper's width and height -> shares of this picture's: (xx, xy, x0, yx, yy, y0); None where
    # they were not aligned


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A star: one keeper and the pictures that are copies or look-alikes of it, each directly."""

    kind: Kind
    keeper: int
    reason: str  # why this one is kept
    members: tuple[Member, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """A regularisation picture that shows the same photograph as a picture of the subject."""

    path: str  # the subject's
    regularisation: str  # path of the other
    edit: str  # how the second was made from the first
    correlation: float | None = None  # -1..1, median over blocks of the aligned pictures; None for equal pixels


@dataclass(frozen=True, slots=True, kw_only=True)
class Diversity:
    """How many different pictures a set holds (maximum diversity, Leinster and Meckes 2016)."""

    effective_images: float
    low: float  # with the similarity scale 1.4 times wider
    high: float  # and 1.4 times narrower
    files: int  # readable pictures
    photographs: int  # after proved copies are folded
    evenness: float  # 0-1: diversity as uniformly sampled over the files / effective images
    weights: NDArray[np.float64]  # [N], 0-1: how many effective images each picture is; 0 for folded copies
    kernel_limited: bool = False  # the model's scale, not the pictures, limits the number
    at_least: bool = False  # a lower bound, from a sample of a very large set
    estimated: bool = False  # carried on from an earlier count, while somebody decides
    measured: bool = True  # False: nothing was embedded, and every photograph counts as one


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """From where a picture shows its subject. Angles in degrees; None: not known.

    yaw: 0 faces the camera, positive is turned to the viewer's right, +-180 is the back. pitch: positive where the
    camera is above. roll: positive where the top of the head leans to the viewer's right.
    """

    yaw_deg: float | None = None  # -180 to 180
    pitch_deg: float | None = None  # -90 to 90
    roll_deg: float | None = None  # -180 to 180
    confidence: float = 0.0  # 0-1, that the yaw's bin of 45 degrees is right
    framing: Framing | None = None
    framing_confidence: float = 0.0  # 0-1, that it is that one of the four
    sources: tuple[str, ...] = ()  # face, body, captions, clip, user: what it rests on
    notes: tuple[str, ...] = ()  # what there is to know of it, one line each: several people, a caption that disagrees


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Something that a set has none or too little of."""

    name: str  # as a photographer would say it: "rear left", "close-up from the side, left"
    kind: Literal["view", "framing", "height", "cell"]
    has: float  # effective images
    wants: float  # effective images that the preset asks for
    worth: float  # 0-1, how much it matters; 1 is the most
    why: str  # what the set will not be able to do, or how far it is from its target
    missing: bool  # there is none at all, rather than too little
    yaw_bin: int | None = None  # of Coverage.yaw; a picture closes the gap that has all of these three
    pitch_bin: int | None = None  # of Coverage.pitch
    framings: tuple[Framing, ...] = ()  # any of them


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """Which views and framings a set holds. Masses are sums of the pictures' weights: effective images."""

    measured: bool  # False: too many views are unknown for a verdict
    headline: str
    preset: str
    folded: bool  # left and right counted as one
    yaw: NDArray[np.float64]  # [8] mass at 0, 45, ... 315 degrees (180: back, 270: left); [5] at 0 to 180 when folded
    pitch: NDArray[np.float64]  # [3] from below, level, from above
    framing: NDArray[np.float64]  # [4] as FRAMINGS
    matrix: NDArray[np.float64]  # [8 or 5, 4] mass by yaw and framing
    unknown: float  # share of the mass whose yaw is not known, 0-1
    views_seen: int
    views_wanted: int
    largest_gap_deg: float | None  # widest arc of yaw without a picture; None where nothing was measured
    gaps: tuple[Gap, ...]  # in order of worth
    scenes: int | None  # clusters of pictures that look alike as a whole: background, outfit, light; None: not measured
    scene_evenness: float | None  # 0-1: 1 where all clusters weigh the same; None: not measured
    findings: tuple[str, ...] = ()  # "21 of 30 share one background", captions that never vary: one line each


@dataclass(frozen=True, slots=True, kw_only=True)
class Subjects:
    """Whether a set may hold several subjects, and pictures that may not belong. All empty: one subject."""

    groups: tuple[tuple[str, ...], ...] = ()  # paths of what may be a subject each, the largest first
    odd: tuple[str, ...] = ()  # paths
    findings: tuple[str, ...] = ()  # what to say of them: a sentence or two each


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """All that a scan found. Rows are those of `catalog.pictures`."""

    catalog: Catalog
    features: Features
    model: Model
    checks: tuple[Mapping[str, Check], ...]  # of each picture, by the check's name
    groups: tuple[Group, ...]
    diversity: Diversity
    kept: tuple[bool, ...]  # of each picture: False for folded copies
    notes: tuple[str, ...] = ()  # what the user should know of the scan itself, one line each
    views: tuple[View, ...] = ()  # of each picture; () where they were not looked for
    coverage: Coverage | None = None  # None where views were not looked for and there is nothing to say
    decided: tuple[tuple[str, ...], ...] = ()  # of each picture: the kinds of the user's decisions on it; () for none
    decisions: int = 0  # how many of them are honoured here
    shared: tuple[Shared, ...] = ()  # regularisation pictures that are copies of the subject's, by their path
    recall: float | None = None  # share of the nearest neighbours that the search found, 0-1, as a sample shows it;
    # None where every two pictures were compared

    def row(self, path: str) -> int:
        """The row of a picture; KeyError if there is none of that path."""
        for row, picture in enumerate(self.catalog.pictures):
            if picture.path == path:
                return row
        raise KeyError(path)
