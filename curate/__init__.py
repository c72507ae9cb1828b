"""What is really in a LoRA training set, and how to train on it.

The names below are loaded when they are first used, so that `import curate` costs nothing.

>>> import curate
>>> analysis = curate.scan("sample_images")  # doctest: +SKIP
>>> analysis.diversity.effective_images  # doctest: +SKIP
14.6
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from curate.decisions import Decision, Decisions, Journal, open_journal
    from curate.errors import (
        BrokenPicture,
        CacheError,
        CurateError,
        DecisionError,
        DestinationError,
        FolderError,
        ModelError,
        PlanError,
        TrainerError,
    )
    from curate.features import Embedder
    from curate.pages.as_json import as_json
    from curate.pipeline import export, recommend, scan
    from curate.plan import Plan, PlanSettings
    from curate.records import (
        Analysis,
        Catalog,
        Check,
        Diversity,
        Facts,
        Features,
        Group,
        LeftOut,
        Member,
        Model,
        Picture,
        Region,
    )
    from curate.settings import ScanSettings
    from curate.trainers import Steps, steps

__version__ = "0.1.0"

_HOME = {
    "scan": "curate.pipeline",
    "recommend": "curate.pipeline",
    "export": "curate.pipeline",
    "steps": "curate.trainers",
    "Steps": "curate.trainers",
    "as_json": "curate.pages.as_json",
    "ScanSettings": "curate.settings",
    "PlanSettings": "curate.plan",
    "Plan": "curate.plan",
    "Embedder": "curate.features",
    **dict.fromkeys(("Decision", "Decisions", "Journal", "open_journal"), "curate.decisions"),
    **dict.fromkeys(
        (
            "Analysis",
            "Catalog",
            "Check",
            "Diversity",
            "Facts",
            "Features",
            "Group",
            "LeftOut",
            "Member",
            "Model",
            "Picture",
            "Region",
        ),
        "curate.records",
    ),
    **dict.fromkeys(
        (
            "BrokenPicture",
            "CacheError",
            "CurateError",
            "DecisionError",
            "DestinationError",
            "FolderError",
            "ModelError",
            "PlanError",
            "TrainerError",
        ),
        "curate.errors",
    ),
}

__all__ = [
    "Analysis",
    "BrokenPicture",
    "CacheError",
    "Catalog",
    "Check",
    "CurateError",
    "Decision",
    "DecisionError",
    "Decisions",
    "DestinationError",
    "Diversity",
    "Embedder",
    "Facts",
    "Features",
    "FolderError",
    "Group",
    "Journal",
    "LeftOut",
    "Member",
    "Model",
    "ModelError",
    "Picture",
    "Plan",
    "PlanError",
    "PlanSettings",
    "Region",
    "ScanSettings",
    "Steps",
    "TrainerError",
    "as_json",
    "export",
    "open_journal",
    "recommend",
    "scan",
    "steps",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'curate' has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted((*__all__, "__version__"))
