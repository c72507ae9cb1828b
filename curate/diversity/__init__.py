"""What a set holds: effective images, the weight of each picture, the embedder's scale behind both; views, scenes."""

from curate.diversity import coverage, scenes, subjects
from curate.diversity.coverage import CoverageInputs
from curate.diversity.effective import kernel, measure, sampled_diversity
from curate.diversity.fill import FillInputs, Pick, fill, shot_list
from curate.diversity.hold_out import HeldOutRows, HoldOutInputs, hold_out
from curate.diversity.limit import Limit, LimitInputs, limit
from curate.diversity.maximum import maximum_diversity
from curate.diversity.nearby import recount
from curate.diversity.scale import NO_SCALE, Scale, find_scale, read_scale, shipped_scale
from curate.diversity.subjects import SubjectInputs
from curate.diversity.targets import TARGETS

__all__ = [
    "NO_SCALE",
    "TARGETS",
    "CoverageInputs",
    "FillInputs",
    "HeldOutRows",
    "HoldOutInputs",
    "Limit",
    "LimitInputs",
    "Pick",
    "Scale",
    "SubjectInputs",
    "coverage",
    "fill",
    "find_scale",
    "hold_out",
    "kernel",
    "limit",
    "maximum_diversity",
    "measure",
    "read_scale",
    "recount",
    "sampled_diversity",
    "scenes",
    "shipped_scale",
    "shot_list",
    "subjects",
]
