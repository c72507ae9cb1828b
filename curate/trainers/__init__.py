"""Trainers: which files they take, their buckets, their batches and their steps. One file each."""

from curate.trainers.base import DataSet, Run, Steps, Subset, Trainer
from curate.trainers.bases import BASES, Base, base
from curate.trainers.count import count, steps
from curate.trainers.registry import TRAINERS, get

__all__ = ["BASES", "TRAINERS", "Base", "DataSet", "Run", "Steps", "Subset", "Trainer", "base", "count", "get", "steps"]
