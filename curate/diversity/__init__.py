"""What a set holds: effective images, the weight of each picture, and the embedder's scale behind both."""

from curate.diversity.effective import kernel, measure, sampled_diversity
from curate.diversity.maximum import maximum_diversity
from curate.diversity.scale import Scale, find_scale, read_scale, shipped_scale

__all__ = [
    "Scale",
    "find_scale",
    "kernel",
    "maximum_diversity",
    "measure",
    "read_scale",
    "sampled_diversity",
    "shipped_scale",
]
