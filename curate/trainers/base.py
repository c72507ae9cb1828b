"""What a trainer is to curate: the records that go in and come out, and the protocol that each file here obeys.

Words: an *entry* is one place of a picture in an epoch's list (a picture with 10 repeats has 10); a *batch* is what one
process takes at once; a *step* is one update of the weights. Sizes are (width, height) in px.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from curate.trainers.bases import Base

Size = tuple[int, int]
Resolution = int | float | Size  # px of the square's side, (width, height) in px, or megapixels (SimpleTuner's area)
Options = Mapping[str, object]
SaveUnit = Literal["epochs", "steps"]  # what an interval between saved files counts; steps are optimizer steps


@dataclass(frozen=True, slots=True, kw_only=True)
class Subset:
    """Pictures that share their repeats: a kohya subset, a concept, a directory, a back end."""

    pictures: tuple[int, ...]  # rows of Run.sizes, in name order
    repeats: float = 1  # passes over the subset in one epoch, > 0
    regularisation: bool = False
    name: str = ""  # its folder; "" where it has none


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSet:
    """Subsets that share resolution, batch size and the trainer's own options."""

    subsets: tuple[Subset, ...]
    resolution: Resolution
    batch_size: int = 1  # pictures a batch of one process
    options: Options = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One training run, as far as it decides the number of steps."""

    sizes: tuple[Size, ...]  # (width, height) in px, of every picture
    data_sets: tuple[DataSet, ...]
    epochs: int | None = None
    max_train_steps: int | None = None
    gradient_accumulation: int = 1  # batches a step
    processes: int = 1  # GPUs that share the data


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a trainer puts a picture of one size."""

    key: Hashable  # what separates this bucket from others
    bucket: Size  # what is trained, px
    scaled: Size  # after resizing, before the crop, px
    first_fixes: bool = False  # the first picture of a key decides the bucket's size for all (SimpleTuner)


Placer = Callable[[Size], tuple[Place, ...]]
"""(width, height) -> its place; several where it is trained at several resolutions; none where it is refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A subset whose pictures have been put in buckets."""

    data_set: DataSet
    subset: Subset
    places: tuple[tuple[Place, ...], ...]  # of each picture; () where the trainer refuses it
    counts: Mapping[Hashable, int]  # pictures by bucket key


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """Parts whose entries are batched together."""

    batch_size: int
    parts: tuple[Part, ...]
    sizes: Mapping[Hashable, Size]  # the bucket's size by key


@dataclass(frozen=True, slots=True, kw_only=True)
class Laid:
    """A run with every picture in its bucket. Repeats can still be scaled, which is all that a search changes."""

    run: Run
    pools: tuple[Pool, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """One bucket in one epoch. Everything but `size` is a number of entries or batches."""

    pool: int  # index into Laid.pools
    key: Hashable
    size: Size  # px
    entries: int  # after repeats, before anything is dropped or padded
    batches: int  # of all processes together
    dropped: int = 0
    padded: int = 0
    regularisation: int = 0  # of `entries`


@dataclass(frozen=True, slots=True, kw_only=True)
class Epoch:
    """One pass over the data, as the trainer batches it."""

    buckets: tuple[Bucket, ...]
    batches: int  # of all processes together
    per_process: int  # batches that one process takes
    samples: int  # pictures that pass through the model, padding included
    regularisation: int = 0  # of `samples`
    regularisation_repeats: tuple[int, ...] = ()  # kohya: how often each regularisation picture is used


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    """The whole run's steps."""

    steps: int  # optimizer steps
    epochs: int  # the last one may be cut short
    steps_per_epoch: float  # a fraction only where the trainer accumulates across epochs
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """What a trainer will do: the answer of `curate.steps`."""

    trainer: str
    batches_per_epoch: int  # before the split over processes
    steps_per_epoch: float  # optimizer steps; whole unless the trainer accumulates across epochs
    steps: int  # optimizer steps of the whole run
    epochs: int
    samples_per_epoch: int  # pictures through the model in an epoch: padding counts, dropped ones do not
    regularisation_per_epoch: int  # of samples_per_epoch
    bucket_of_picture: tuple[Size | None, ...]  # (width, height) px; None: the trainer refuses the picture
    buckets: Mapping[Size, int]  # entries by bucket, after repeats, before anything is dropped or padded
    dropped: Mapping[int, float]  # picture -> entries left out of an epoch (expected number where drawn at random)
    padded: Mapping[int, float]  # picture -> entries added to fill batches (likewise)
    warnings: tuple[str, ...] = ()
    regularisation_repeats: tuple[int, ...] = ()  # kohya: entries of each regularisation picture in an epoch


@dataclass(frozen=True, slots=True, kw_only=True)
class Save:
    """One moment at which a trainer saves."""

    unit: SaveUnit  # of the interval that it saves at
    epoch: int  # epochs begun; of an interval in epochs and at the end of the run they are finished
    step: int  # optimizer steps done
    ended: bool  # it is the end of the run
    gradient_accumulation: int = 1  # batches a step
    epoch_batches: int = 1  # batches that one process takes in an epoch
    epoch_steps: float = 1  # optimizer steps in an epoch


@dataclass(frozen=True, slots=True, kw_only=True)
class Fields:
    """The trainer's own names for what curate sets; "" where it has none."""

    repeats: str
    epochs: str
    steps: str
    batch_size: str
    accumulation: str
    save_every: str
    save_every_steps: str = ""  # where save_every counts epochs and steps can be counted too
    saves_count_batches: bool = False  # save_every_steps is in batches: steps times the gradient accumulation


@dataclass(frozen=True, slots=True, kw_only=True)
class Notes:
    """What the trainer does to pictures besides bucketing them, and what it offers: a sentence each, or ""."""

    exif: str  # orientation
    alpha: str  # transparent pixels
    captions: str  # missing and empty ones, several lines
    traps: tuple[str, ...] = ()  # hidden defaults and the like
    random_crop: str = ""  # the setting that moves the crop about
    regularisation: str = ""  # what regularisation pictures do to the steps
    validation: str = ""  # the setting that holds pictures out


class Trainer(Protocol):
    """One trainer. To add one: write a file with a TRAINER that has these, and its line in `TRAINERS`."""

    @property
    def name(self) -> str: ...
    @property
    def title(self) -> str:
        """What its users call it."""
        ...

    @property
    def source(self) -> str:
        """Repository and commit at which the rule was read."""
        ...

    @property
    def options(self) -> Options:
        """Options that change buckets or batches, with the trainer's own defaults."""
        ...

    @property
    def fields(self) -> Fields: ...
    @property
    def notes(self) -> Notes: ...
    @property
    def whole_repeats(self) -> bool:
        """Fractions of a repeat are refused."""
        ...

    @property
    def budget(self) -> Literal["epochs", "steps"]:
        """What curate sets: epochs, or a number of steps that is then met exactly."""
        ...

    def curate_options(self, resolution: int, base: Base) -> Options:
        """The options that curate writes for this trainer, and counts with in `recommend` and `export`."""
        ...

    def parts(self, run: Run) -> tuple[tuple[tuple[DataSet, Subset], ...], ...]:
        """Which subsets share their buckets: one tuple a pool. Leaves out subsets that the trainer skips."""
        ...

    def placer(self, data_set: DataSet) -> Placer:
        """The rule that puts a picture of one size in its bucket. Raises TrainerError for settings that are refused."""
        ...

    def epoch(self, laid: Laid, scale: int = 1) -> Epoch:
        """One epoch with the subject's repeats multiplied by `scale`. Raises TrainerError where it would not start."""
        ...

    def checkpoint(self, name: str, save: Save) -> str:
        """What the trainer calls the file or folder that it saves then; `name` is that of the LoRA."""
        ...

    def total(self, run: Run, epoch: Epoch) -> Total:
        """The whole run, with the trainer's own defaults where neither epochs nor steps are given."""
        ...

    def warnings(self, laid: Laid, epoch: Epoch) -> tuple[str, ...]:
        """What the user should know about these pictures in this trainer, one sentence each."""
        ...
