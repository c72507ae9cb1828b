"""Killed exports and updates leave the old set or the new, and the next run mends the rest (bench/kills.py)."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "bench"))

import kills


@pytest.mark.parametrize("mode", kills.MODES)
def test_a_kill_before_any_change_on_the_disk_is_mended(tmp_path: Path, mode: str) -> None:
    found = kills.every(kills.Stand.made(tmp_path, 2, mode), step=7)
    assert not [fault for one in found for fault in one.faults]
    assert len(found) >= 3
    assert any(one.left for one in found)


@pytest.mark.parametrize("mode", kills.MODES)
def test_a_kill_at_a_random_moment_is_mended(tmp_path: Path, mode: str) -> None:
    found = kills.at_random(kills.Stand.made(tmp_path, 20, mode), rounds=2)
    assert not [fault for one in found for fault in one.faults]
