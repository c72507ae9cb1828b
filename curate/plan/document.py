"""A plan as plain values, for --json."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from curate.plan.constants import CONSTANTS
from curate.plan.records import Exposures, Plan, Schedule
from curate.plan.traps import traps
from curate.trainers import get


def as_json(plan: Plan) -> dict[str, Any]:
    """The plan as numbers, texts and lists. Exposures are times that a picture is seen in the whole run."""
    judgement = plan.judgement
    return {
        "target_steps": plan.target_steps,
        "plan": {
            "trainer": plan.trainer,
            **_schedule(plan.schedule),
            "save_every": plan.save_every,
            "save_unit": plan.save_unit,
        },
        "settings": {
            "base": plan.base,
            "resolution": plan.resolution,
            "preset": plan.settings.preset,
            "learning_rate": plan.learning_rate,
            "effective_learning_rate": plan.effective_rate,
            "rank": plan.settings.rank,
            "gradient_accumulation": plan.settings.gradient_accumulation,
            "processes": plan.settings.processes,
            "options": dict(plan.options),
        },
        "exposures": _exposures(plan.exposures),
        "pictures": plan.pictures,
        "as_they_lie": None if plan.as_they_lie is None else asdict(plan.as_they_lie),
        "subjects": None if plan.subjects is None else asdict(plan.subjects),
        "effective_images": plan.effective_images if plan.compared else None,
        "planned_from": "effective images" if plan.compared else "photographs",
        "verdict": judgement.verdict,
        "verdict_between": list(judgement.between),
        "window_empty": judgement.window_empty,
        "range": {
            "cap": judgement.cap,
            "sound": list(judgement.sound),
            "practice": list(judgement.practice),
            "sound_steps": list(judgement.sound_steps),
            "effective_images": list(plan.effective_range) if plan.compared else None,
        },
        "alternatives": [
            {"what": a.what, "plan": _schedule(a.schedule), "exposures": _exposures(a.exposures), "verdict": a.verdict}
            for a in plan.alternatives
        ],
        "remedies": [asdict(remedy) for remedy in plan.remedies],
        "gaps": [{key: getattr(gap, key) for key in ("name", "has", "wants", "worth", "missing")} for gap in plan.gaps],
        "warnings": list(plan.warnings),
        "traps": list(traps(plan)),
        "regularisation": {"pictures": plan.regularisation, "samples_per_epoch": plan.steps.regularisation_per_epoch},
        "sources": {"steps": get(plan.trainer).source, **{name: asdict(one) for name, one in CONSTANTS.items()}},
        "buckets": [{"width": w, "height": h, "entries": n} for (w, h), n in plan.steps.buckets.items()],
        "treatments": [asdict(treatment) for treatment in plan.treatments],
        "concerned": None if plan.concerned is None else asdict(plan.concerned),
        "checkpoints": [asdict(checkpoint) for checkpoint in plan.checkpoints],
    }


def _schedule(schedule: Schedule) -> dict[str, Any]:
    return {
        "repeats": schedule.repeats,
        "subset_repeats": list(schedule.subset_repeats),
        "epochs": schedule.epochs,
        "batch_size": schedule.batch_size,
        "steps": schedule.steps,
        "max_steps": schedule.max_steps,
        "batches_per_epoch": schedule.batches_per_epoch,
        "steps_per_epoch": schedule.steps_per_epoch,
        "samples": schedule.samples,
    }


def _exposures(exposures: Exposures) -> dict[str, float]:
    return {
        "per_file": exposures.per_file,
        "per_effective_image": exposures.per_effective_image,
        "sampled_diversity": exposures.sampled_diversity,
    }
