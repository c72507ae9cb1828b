"""What a plan is made of, and what it says."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from curate.plan.constants import Preset, Verdict
from curate.records import Gap, Subjects
from curate.trainers.base import Options, Resolution, SaveUnit, Size, Steps

SampledDiversity = Callable[[Sequence[float]], float]
"""Share of the draws of each picture (sums to 1) -> diversity as sampled, 1 / (p'Kp), in effective images."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LaidOut:
    """Pictures that the set has in one folder, with the repeats that the folder's name gives them."""

    pictures: tuple[int, ...]  # rows of PlanInputs.sizes
    repeats: float = 1  # passes an epoch
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegularisationSet:
    """Regularisation pictures of one folder, in name order."""

    sizes: tuple[Size, ...]  # (width, height) px
    repeats: float = 1
    name: str = "reg"


@dataclass(frozen=True, slots=True, kw_only=True)
class AsTheyLie:
    """The folder's own files, which a trainer pointed at it would draw, copies included."""

    files: int
    sampled_diversity: float  # effective images as drawn, each file by its folder's repeats


@dataclass(frozen=True, slots=True, kw_only=True)
class Concerned:
    """Paths of pictures that a trainer's rules concern."""

    oriented: tuple[str, ...] = ()  # EXIF orientation other than upright
    transparent: tuple[str, ...] = ()
    uncaptioned: tuple[str, ...] = ()  # no caption, an empty or an unreadable one


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigSubset:
    """A folder that the user's own configuration of a trainer names."""

    path: str  # as written there; "" where it names none
    repeats: float = 1  # passes an epoch
    regularisation: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanSettings:
    """What the user sets. None means: the base model's or the trainer's usual value."""

    trainer: str = "kohya"
    target_steps: int | None = None  # optimizer steps; this or epochs
    epochs: int | None = None  # the reverse question: what do these epochs give
    repeats: float | None = None  # passes an epoch, with `epochs`; None: as the folders say
    batch_size: int | Literal["auto"] = "auto"  # pictures a batch of one process
    base: str = "sdxl"
    resolution: Resolution | None = None  # px; None: the base's
    gradient_accumulation: int = 1  # batches a step
    processes: int = 1  # GPUs that share the data
    preset: Preset = "character"
    learning_rate: float | None = None  # of the network; None: the base's usual
    rank: int = 16  # of the LoRA
    alpha: float | None = None  # None: equal to rank
    optimizer: str = "adamw"
    options: Options = field(default_factory=dict)  # of the trainer, instead of those that curate writes
    flips: bool = False  # pictures are mirrored at random while training, so that left and right views count as one
    name: str = "lora"  # of the saved files
    notes: Sequence[str] = ()  # what the file that they were read from makes worth saying
    config_subsets: tuple[ConfigSubset, ...] = ()  # folders whose repeats count instead of those of the scanned ones

    def __post_init__(self) -> None:
        """Subsets may be plain values too, as JSON gives them back."""
        subsets = [one if isinstance(one, ConfigSubset) else ConfigSubset(**one) for one in self.config_subsets]
        object.__setattr__(self, "config_subsets", tuple(subsets))


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanInputs:
    """The set that will be trained on."""

    sizes: tuple[Size, ...]  # (width, height) px, upright, of every picture that will be exported
    effective_images: float  # what the files contain
    low: float  # of its range, effective images
    high: float
    settings: PlanSettings
    paths: tuple[str, ...] = ()  # names of the pictures, in the order of sizes
    weights: tuple[float, ...] = ()  # effective images that each picture is
    sampled_diversity: float | SampledDiversity | None = None  # effective images as drawn; None: effective_images
    subsets: tuple[LaidOut, ...] = ()  # () for a flat set
    regularisation: tuple[RegularisationSet, ...] = ()
    subjects: Subjects | None = None  # whether it may hold several; None: not looked at
    as_they_lie: AsTheyLie | None = None  # the files before copies are left out; None where that is the same set
    concerned: Concerned | None = None  # None: not looked at
    gaps: tuple[Gap, ...] = ()  # views that the set has none or too little of, in order of worth; () where not measured
    folder: str = ""  # that was scanned: absolute path
    notes: tuple[str, ...] = ()  # a sentence each on how the set was put together
    compared: bool = True  # False: nothing was embedded, and every photograph counts as one effective image

    def __post_init__(self) -> None:
        for name, given in (("paths", self.paths), ("weights", self.weights)):
            if given and len(given) != len(self.sizes):
                raise ValueError(f"{name}: expected {len(self.sizes)}, got {len(given)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """What to set, and the steps that it gives."""

    repeats: float  # passes an epoch; the smallest of the subsets' where they differ
    subset_repeats: tuple[float, ...]  # of each subset
    subset_names: tuple[str, ...]  # folders of the subsets; "" for pictures that lie in none
    epochs: int
    batch_size: int
    steps: int  # optimizer steps, by the trainer's own rule
    max_steps: int | None  # what to write as the trainer's limit; None where epochs decide
    batches_per_epoch: int
    steps_per_epoch: float
    samples: int  # of the subject's pictures, in the whole run


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposures:
    """How often pictures are seen in the whole run."""

    per_file: float
    per_effective_image: float
    sampled_diversity: float  # effective images as the trainer draws them


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """How the exposures compare with what practice shows. All in exposures of each effective image."""

    verdict: Verdict
    between: tuple[Verdict, ...]  # the verdicts at the ends of the law's exponents; one where they agree
    cap: float  # most that is sound, by the careful reading
    sound: tuple[float, float]  # from, to
    practice: tuple[float, float]  # the cap at the ends of what published recipes spread over
    sound_steps: tuple[int, int]  # the same as optimizer steps of this plan
    window_empty: bool  # even the fewest useful samples are too many for so few different pictures


@dataclass(frozen=True, slots=True, kw_only=True)
class Alternative:
    what: str  # "batch 2", "fewer saves"
    schedule: Schedule
    exposures: Exposures
    verdict: Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Remedy:
    what: str  # "fewer steps"
    text: str  # one sentence with this set's numbers
    value: float | None  # the number itself, in `unit`
    unit: str
    evidence: str
    mark: Literal["measured in miniature", "reported", "believed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Treatment:
    """What the trainer does to one picture that is worth naming."""

    path: str
    size: Size
    bucket: Size | None
    cropped: float  # share of the area, 0-1
    scale: float  # > 1: enlarged
    dropped: float  # entries an epoch
    padded: float  # entries an epoch


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    name: str
    epoch: int
    step: int
    per_effective_image: float  # exposures up to it
    look_first: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The answer of `recommend`."""

    settings: PlanSettings
    target_steps: int | None
    trainer: str
    base: str
    resolution: Resolution
    options: Mapping[str, object]  # the trainer's, as curate writes them
    learning_rate: float
    effective_rate: float  # learning rate times alpha / rank
    pictures: int
    effective_images: float
    effective_range: tuple[float, float]
    schedule: Schedule
    exposures: Exposures
    judgement: Judgement
    alternatives: tuple[Alternative, ...]
    remedies: tuple[Remedy, ...]
    warnings: tuple[str, ...]
    steps: Steps  # the trainer's own counts: buckets, dropped, padded
    treatments: tuple[Treatment, ...]
    checkpoints: tuple[Checkpoint, ...]
    subjects: Subjects | None  # None: not looked at
    as_they_lie: AsTheyLie | None  # None: the same files
    concerned: Concerned | None  # None: not looked at
    save_every: int  # in `save_unit`
    save_unit: SaveUnit = "epochs"  # of the interval between saved files; steps are optimizer steps
    gaps: tuple[Gap, ...] = ()  # views that the set has none or too little of, in order of worth
    regularisation: int = 0  # pictures of it beside the subject's
    compared: bool = True  # False: effective images were not measured, and the number is that of the photographs
