"""Runs that differ in seed, label and first weights alone, composed and checked once for all of them."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from docexp.config.check import check
from docexp.config.compose import compose
from docexp.config.project import Project
from docexp.config.schema import RunSettings
from docexp.runs.upstream import PREFIX

SEED, LABEL, UPSTREAM = 7_310_582_946_120_357, "docexp-study-label", f"{PREFIX}docexp-study-upstream"
"""Stand for the values of each run, wherever interpolations carry them; nobody types these."""


@dataclass(frozen=True)
class Template:
    """A checked configuration with stand-ins for what differs from seed to seed."""

    settings: RunSettings

    @classmethod
    def of(cls, words: Sequence[str], project: Project, spoken: str, *, label: bool, weights: bool) -> "Template":
        """Composes and checks.

        Args:
            words: without seed, label and weights.
            project: where choices are looked up.
            spoken: the study's file, for refusals.
            label: whether the runs get a label; else the experiment's own stays.
            weights: whether their first weights come from another run.

        Raises:
            DocexpError: they make no valid run.
        """
        more = [f"seed={SEED}"]
        more += [f"label={LABEL}"] if label else []
        more += [f"model.weights={UPSTREAM}"] if weights else []
        return cls(check(compose([*words, *more], project, spoken)))

    def run(self, seed: int, label: str, weights: str | None) -> RunSettings:
        """The settings of one run."""
        known = {str(SEED): str(seed), LABEL: label, UPSTREAM: weights or ""}
        settings = self.settings
        plain = _put(settings.plain, seed, known)
        model = dataclasses.replace(settings.model, weights=plain["model"]["weights"])
        return dataclasses.replace(settings, seed=seed, label=plain["label"], model=model, plain=plain)


def _put(node: Any, seed: int, known: dict[str, str]) -> Any:
    if isinstance(node, dict):
        return {key: _put(value, seed, known) for key, value in node.items()}
    if isinstance(node, list):
        return [_put(value, seed, known) for value in node]
    if isinstance(node, str):
        for stand_in, value in known.items():
            node = node.replace(stand_in, value)
        return node
    return seed if node == SEED and not isinstance(node, bool) else node
