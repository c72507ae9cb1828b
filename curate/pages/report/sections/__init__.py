"""The sections of a report, in the order of a reader's questions. Each module gives one, or two, from the material."""

from curate.pages.report.sections import copies, coverage, findings, likeness, method, plan, verdict

__all__ = ["copies", "coverage", "findings", "likeness", "method", "plan", "verdict"]
