"""A study's plan in words: by stage what there is of it, what is wanted, and the cost of the rest."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from docexp.studies.cost import Cost, Speeds, cost
from docexp.studies.plan import Plan, PlannedRun, PlannedState
from docexp.training.amounts import roughly

SHOWN = 12
"""Runs of a state that are named one by one."""
NAMED = (PlannedState.FAILED, PlannedState.INTERRUPTED, PlannedState.RUNNING)
"""States whose runs a person wants to see."""


def plan_lines(plan: Plan, speed: float | None) -> Iterator[str]:
    """The plan; ``speed`` is assumed, in pages per second."""
    study = plan.study
    yield f"{study.name} ({plan.scale})  {study.question}".rstrip()
    for stage in study.chain():
        runs = [planned for planned in plan.runs if planned.stage == stage]
        yield f"  {stage:10} {len(runs)} runs: {_states(runs)}"
    stale = [planned.changed for planned in plan.of(PlannedState.STALE)]
    for changed in dict.fromkeys(stale):
        yield f"  stale: {stale.count(changed)} runs, {changed}; run --again makes them anew"
    for state in NAMED:
        yield from _named(plan.of(state))
    runs = Path(plan.runs[0].run.settings.paths.runs)
    missing = plan.missing
    if missing:
        yield f"to do: {len(missing)} of {len(plan.runs)} runs, {cost_words(cost(missing, Speeds(runs, speed)), speed)}"
    else:
        yield f"nothing to do: all {len(plan.runs)} runs have come to their end"


def cost_words(found: Cost, assumed: float | None) -> str:
    """``600 steps, 2,400 pages, about 3 min one after another at 52 pages/s (measured)``."""
    counted = f"{found.steps:,} steps, {found.pages:,} pages"
    if found.seconds is None:
        return f"{counted}, time unknown: no finished run tells the speed (assume one: speed=PAGES_PER_SECOND)"
    if assumed is not None:
        how = f"at {assumed:g} pages/s (assumed)"
    else:
        how = "at " + ", ".join(f"{speed:.3g} pages/s" for speed in found.speeds.values()) + " (measured)"
    return f"{counted}, {roughly(found.seconds)} one after another {how}, scoring not counted"


def _states(runs: Sequence[PlannedRun]) -> str:
    counts = {state: sum(planned.state is state for planned in runs) for state in PlannedState}
    return ", ".join(f"{count} {state}" for state, count in counts.items() if count)


def _named(runs: Sequence[PlannedRun]) -> Iterator[str]:
    for planned in runs[:SHOWN]:
        why = planned.reason if planned.state is PlannedState.FAILED else ""
        yield f"  {planned.state}: {planned.name}  {planned.identity}" + (f"  {why}" if why else "")
    if len(runs) > SHOWN:
        yield f"  and {len(runs) - SHOWN} more {runs[0].state}"
