"""The user's own trainer configuration, read for what decides steps and exposures.

kohya and musubi-tuner refuse unknown keys, so these are refused here too. The other trainers have hundreds of keys or
ignore what they do not know; there only a key that looks like a misspelt one of those that are read is refused, since
it would silently change nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from curate.errors import PlanError, TrainerError
from curate.plan.config_readers import READERS
from curate.plan.config_source import Source
from curate.plan.records import ConfigSubset, PlanSettings
from curate.trainers import get


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainerConfig:
    """What a configuration sets; None where it sets nothing."""

    trainer: str
    path: str
    resolution: int | float | tuple[int, int] | None = None  # px, or megapixels for SimpleTuner's area
    batch_size: int | None = None
    repeats: float | None = None  # passes an epoch, where all its folders have the same
    subsets: tuple[ConfigSubset, ...] = ()  # its folders
    epochs: int | None = None
    max_steps: int | None = None
    gradient_accumulation: int | None = None
    learning_rate: float | None = None
    rank: int | None = None
    alpha: float | None = None
    optimizer: str | None = None
    options: Mapping[str, object] = field(default_factory=dict)
    flips: bool = False  # it mirrors pictures at random
    notes: tuple[str, ...] = ()


def read_config(path: Path, trainer: str) -> TrainerConfig:
    """What the file sets. Raises TrainerError, with the line, for a file that does not parse or holds unknown keys."""
    get(trainer)  # an unknown trainer is named first
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise TrainerError(trainer, f"{path} cannot be read ({error})", "Give the path of its configuration") from error
    if trainer not in READERS:
        raise TrainerError(trainer, "it is set on its command line and has no configuration file", "Leave it out")
    source = Source(trainer=trainer, path=path, text=text)
    values = READERS[trainer](source)
    options = {key: values.pop(key) for key in list(values) if key in get(trainer).options}
    for key, value in options.items():
        if isinstance(get(trainer).options[key], bool) and not isinstance(value, bool):
            raise source.wrong(key, value, "true or false")
    own = {one.repeats for one in values.get("subsets", ()) if not one.regularisation}
    repeats = own.pop() if len(own) == 1 else None
    return TrainerConfig(trainer=trainer, path=str(path), options=options, repeats=repeats, **values)


def with_config(settings: PlanSettings, config: TrainerConfig, given: Collection[str] = ()) -> PlanSettings:
    """The settings with the file's values where the user left the default; a target overrides the file's epochs.

    `given`: fields that the user set himself, which stay also where they equal the default.
    """
    if config.trainer != settings.trainer:
        raise PlanError(f"{config.path} is a configuration of {config.trainer}", f"Give --trainer {config.trainer}")
    default = PlanSettings()
    found: dict[str, Any] = {}
    for name in ("resolution", "batch_size", "gradient_accumulation", "learning_rate", "rank", "alpha", "optimizer"):
        value = getattr(config, name)
        if value is not None and name not in given and getattr(settings, name) == getattr(default, name):
            found[name] = value
    if settings.target_steps is None and settings.epochs is None:
        found |= {"epochs": config.epochs, "target_steps": None if config.epochs else config.max_steps}
        if settings.repeats is None and config.epochs and len(config.subsets) < 2:
            found["repeats"] = config.repeats
    if len(config.subsets) > 1:
        found["config_subsets"] = config.subsets
    if config.flips:
        found["flips"] = True
    shown = {**found, **config.options}
    if "config_subsets" in shown:
        shown["folders"] = len(shown.pop("config_subsets"))
    elif config.repeats is not None and not settings.epochs and not found.get("epochs"):
        shown["repeats"] = f"{config.repeats:g} (searched anew for the target)"
    taken = ", ".join(f"{name} {_text(value)}" for name, value in shown.items() if value is not None)
    notes = (f"From {Path(config.path).name}: {taken or 'nothing that counts here'}.", *config.notes)
    return replace(settings, options={**config.options, **settings.options}, notes=notes, **found)


def _text(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
