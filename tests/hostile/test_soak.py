"""Some seconds of bench/soak.py: the page answers its user while strangers send nonsense and hold connections."""

from __future__ import annotations

from pathlib import Path

import soak

SECONDS = 6.0
GROWN = 80.0  # MiB that previews and threads may take after the start; a leak a request shows in the bench's hour


def test_the_page_answers_its_user_in_a_crowd(tmp_path: Path) -> None:
    process, link = soak.started(tmp_path, 6)
    try:
        run = soak.Soak(process, link)
        run.run(SECONDS)
        assert run.asked["pictures"] > 3
        assert run.asked["changes"] > 3
        assert not [what for what in run.unexpected if what.rpartition(" ")[2].isdigit()], run.unexpected
        assert run.memory[-1][1] - run.memory[0][1] < GROWN
    finally:
        process.terminate()
        _, said = process.communicate(timeout=60)
    assert "Traceback" not in said
