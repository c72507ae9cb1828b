"""How it was decided: settings, models, versions, thresholds with their sources, each read from where it is used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from curate.pages.report.material import Material, Section
from curate.pages.report.text import sentence

if TYPE_CHECKING:
    from curate.plan.constants import Constant


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """One number that decides something."""

    what: str
    value: str
    source: str


def _similarity(model: dict[str, Any]) -> list[tuple[str, str]]:
    half = model["half_similarity"]
    if half is None:
        return [("Half similarity", "not measured: nothing was embedded")]
    return [
        ("Half similarity", f"{half:.4f}: the cosine at which two pictures count as 1.33"),
        ("Calibrated", "yes" if model["calibrated"] else "no: it cannot tell a new view from a copy"),
    ]


def section(material: Material) -> Section:
    inputs, model = material.inputs, material.scan["model"]
    settings = inputs.settings
    why = material.safe(inputs.analysis.model.why) or f"{model['name']} on {model['device']}"
    return Section(
        name="method",
        title="How it was decided",
        template="method.html",
        data={
            "model": [
                ("Model", model["name"]),
                ("Runs on", model["device"]),
                ("Why this one", sentence(why)),
                *_similarity(model),
            ],
            "settings": [
                ("Preset", settings.preset),
                ("Training resolution", f"{settings.resolution:,} px"),
                ("Views", "measured where possible" if settings.views == "auto" else "off"),
                ("Left and right count as one", "yes" if settings.mirror_ok else "no"),
                ("Behind transparent pixels", f"#{bytes(settings.background).hex().upper()}"),
                ("Offline", "yes" if settings.offline else "no"),
                ("Your decisions", f"{material.scan['decisions']:,} honoured"),
            ],
            "versions": [("curate", inputs.version or "unknown"), *sorted(inputs.versions.items())],
            "thresholds": [*_copies(), *_diversity(settings.preset), *_checks(), *_plan(material)],
        },
    )


def _copies() -> list[Threshold]:
    from curate.copies import align, edits, overlap

    return [
        Threshold(
            what="Features that agree on one map, at least",
            value=f"{align.INLIERS}",
            source="fewer arise by chance in different pictures of one subject",
        ),
        Threshold(
            what="Textured blocks in the overlap, at least",
            value=f"{align.BLOCKS}",
            source="with fewer a picture is too plain to prove anything",
        ),
        Threshold(
            what="Correlation from which a block counts as the same",
            value=f"{overlap.MATCHING:g}",
            source="bench/copies: real photographs under dozens of kinds of edits",
        ),
        Threshold(
            what="Share of each side below which a crop is another framing",
            value=f"{100 * edits.REFRAMED:.0f} %",
            source="a head cut from a full figure is a picture of its own",
        ),
    ]


def _diversity(preset: str) -> list[Threshold]:
    from curate.diversity import TARGETS, coverage, kernels, targets

    return [
        Threshold(
            what="Effective images",
            value=f"range: scale × and ÷ {kernels.RANGE:g}",
            source="maximum diversity, Leinster and Meckes 2016; the factor covers what was seen over several networks",
        ),
        Threshold(
            what=f"Views that the preset {preset} wants",
            value=f"up to {TARGETS[preset].reach_deg:.0f}° of yaw",
            source=TARGETS[preset].source,
        ),
        Threshold(
            what="Share without a known view beyond which there is no verdict",
            value=f"{100 * coverage.MOST_UNKNOWN:.0f} %",
            source="our own choice",
        ),
        Threshold(
            what="Angle from which a picture counts as from above or below",
            value=f"{targets.PITCH_DEG:.0f}°",
            source="three times the estimators' mean error",
        ),
    ]


def _checks() -> list[Threshold]:
    from curate.features.checks import blur, border, compression, exposure, flat, size, upscaled

    return [
        Threshold(
            what="Small: share of the training resolution, less than",
            value=f"{size.LEAST_SHARE:g}",
            source="trainers enlarge what is smaller, and the blur is learned",
        ),
        Threshold(
            what="Long and narrow: more than",
            value=f"{size.MOST_ASPECT:g} : 1",
            source="SDXL's buckets end at 4, others at 2 (Podell et al. 2023)",
        ),
        Threshold(
            what="Blurred: edges wider than",
            value=f"{blur.MOST_BLUR:g} % of the side",
            source="edge width by re-blurring, Zhuo and Sim 2011",
        ),
        Threshold(
            what="Dark: 99th percentile below",
            value=f"{exposure.DARKEST_HIGHLIGHT:g} % of white",
            source="cleanvision's threshold",
        ),
        Threshold(
            what="Bright: 5th percentile above",
            value=f"{exposure.BRIGHTEST_SHADOW:g} % of white",
            source="washed out, or a tiny subject on white",
        ),
        Threshold(
            what="Little contrast: range below",
            value=f"{exposure.LEAST_CONTRAST:g} %",
            source="fog and flat scans lie below it",
        ),
        Threshold(
            what="Strongly compressed: JPEG quality below",
            value=f"{compression.LEAST_QUALITY:g}",
            source="blocks show on plain areas (ITU-T T.81, table K.1)",
        ),
        Threshold(
            what="Enlarged before: real share of each side below",
            value=f"{upscaled.MOST_REAL:g}",
            source="periodic traces that resampling leaves in second differences",
        ),
        Threshold(
            what="Bars and borders: more than",
            value=f"{border.MOST_BORDER:g} % of the area",
            source="thinner ones go when a bucket cuts the picture",
        ),
        Threshold(
            what="Nothing on it: deviation below",
            value=f"{flat.LEAST_DEVIATION:g} levels of 255",
            source="sensor noise alone makes 1 to 4",
        ),
    ]


def _plan(material: Material) -> list[Threshold]:
    from curate import trainers
    from curate.plan import constants

    named = (
        ("Samples that teach anything", constants.SAMPLES_FLOOR),
        ("Exposures that are sound, for subjects", constants.SUBJECT_EXPOSURES),
        ("Exposures that are sound, for styles", constants.STYLE_EXPOSURES),
        ("How they change with the learning rate", constants.RATE_EXPONENT),
        ("How they grow with the set", constants.GROWTH_EXPONENT),
    )
    found = [
        Threshold(what=what, value=_value(one), source=f"{sentence(one.unit)} {sentence(one.source)}")
        for what, one in named
    ]
    if material.planned is not None:
        trainer = trainers.get(material.planned["plan"]["trainer"])
        found.append(Threshold(what="Steps and buckets", value=f"as {trainer.name} counts", source=trainer.source))
    return found


def _value(one: Constant) -> str:
    return f"{one.value:g} ({one.low:g} to {one.high:g})"
