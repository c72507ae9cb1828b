"""What fuzzing found, each as the input that did it: none of them does anything any more (bench/fuzz.py)."""

from __future__ import annotations

from pathlib import Path

import pytest
from fuzzing.targets import TARGETS

PLACE = Path(__file__).parent / "found"
FOUND = {
    "requests-half-a-body": ("requests", "a sound head and a body that is none: the server logged a fault of its own"),
    "configs-overflow": ("trainers' configs", "a whole number of 400 digits: OverflowError"),
    "configs-nested": ("trainers' configs", "JSON of 2,000 lists in each other: RecursionError"),
    "cache-rows-verdict": ("cache rows", "a verdict that is no text: UnicodeDecodeError"),
    "cache-rows-scale": ("cache rows", "a scale that is no JSON: JSONDecodeError"),
    "cache-rows-vector": ("cache rows", "a vector of another length: ValueError while stacking"),
}


@pytest.mark.parametrize("name", FOUND)
def test_what_was_found_is_mended(name: str, tmp_path: Path) -> None:
    target, _ = FOUND[name]
    TARGETS[target].make(tmp_path).run((PLACE / name).read_bytes())


def test_every_input_has_its_line() -> None:
    assert {path.name for path in PLACE.iterdir()} == FOUND.keys()


@pytest.mark.parametrize("name", TARGETS)
def test_sound_inputs_and_some_changed_ones_do_nothing(name: str, tmp_path: Path) -> None:
    """A short sitting of every target: the seeds themselves, and twenty inputs made of them."""
    from random import Random

    from fuzzing.mutations import mutated, mutated_text

    kind = TARGETS[name]
    target = kind.make(tmp_path)
    seeds = target.seeds()
    for data in seeds[:12]:
        target.run(data)
    change = mutated_text if kind.text else mutated
    for number in range(20):
        random = Random(f"test {name} {number}")
        target.run(change(random.choice(seeds), random.choice(seeds), random))
