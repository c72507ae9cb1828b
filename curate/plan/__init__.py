"""Plans: exposures, repeats, epochs, verdict and remedies for a set of pictures."""

from curate.plan.config_files import TrainerConfig, read_config, with_config
from curate.plan.config_subsets import by_config, for_export
from curate.plan.document import as_json
from curate.plan.explanation import explain, explained
from curate.plan.page import page
from curate.plan.planner import recommend
from curate.plan.records import AsTheyLie, Concerned, LaidOut, Plan, PlanInputs, PlanSettings, RegularisationSet
from curate.plan.table import steps_table, table_page

__all__ = [
    "AsTheyLie",
    "Concerned",
    "LaidOut",
    "Plan",
    "PlanInputs",
    "PlanSettings",
    "RegularisationSet",
    "TrainerConfig",
    "as_json",
    "by_config",
    "explain",
    "explained",
    "for_export",
    "page",
    "read_config",
    "recommend",
    "steps_table",
    "table_page",
    "with_config",
]
