"""How far each run of a study is, read from its files; a cluster is asked for nothing but its jobs' states."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from docexp.runs.lock import holder_of
from docexp.runs.metrics_log import read
from docexp.studies.cost import RATE, reached
from docexp.studies.plan import Plan, PlannedRun, PlannedState
from docexp.studies.telling import last_lines
from docexp.training.amounts import duration

FEW = 3
"""Lines of ``metrics.jsonl`` whose rates are shown as the present speed."""


@dataclass(frozen=True)
class Progress:
    """Of a run that is not at its end."""

    share: float
    pages_per_second: float | None
    seconds_left: float | None


def progress(planned: PlannedRun) -> Progress:
    """How far a run's metrics have come."""
    plan = planned.run.settings.trainer
    step = reached(planned)
    lines = read(planned.run.folder.metrics) if step else []
    rates = [line[RATE] for line in lines if RATE in line][-FEW:]
    speed = sum(rates) / len(rates) if rates else None
    left = (plan.max_steps - step) * plan.global_batch / speed if speed else None
    return Progress(step / plan.max_steps, speed, left)


def status_lines(plan: Plan, cluster: Mapping[str, str]) -> Iterator[str]:
    """One line for every run that is not at its end, and how many are.

    Args:
        plan: as it is now.
        cluster: by run, what is known of its job on a cluster: ``job 48213_7 running on n2``.
    """
    for planned in plan.runs:
        if planned.state not in (PlannedState.FINISHED, PlannedState.DIVERGED, PlannedState.STALE):
            where = cluster.get(planned.identity, "")
            parts = [planned.name, planned.identity, planned.state.value, *_details(plan, planned), where]
            yield "  " + "  ".join(part for part in parts if part)
    counts = {state: len(plan.of(state)) for state in PlannedState}
    shown = ", ".join(f"{count} {state}" for state, count in counts.items() if count)
    yield f"{plan.study.name} ({plan.scale}): {len(plan.runs)} runs: {shown}"


def _details(plan: Plan, planned: PlannedRun) -> Iterator[str]:
    if planned.state is PlannedState.FAILED:
        yield planned.reason or "for a reason that its log tells"
        yield str(planned.run.folder.log)
        return
    if planned.state is PlannedState.MISSING:
        # what ended before its folder was made has left its words here
        yield " ".join(last_lines(plan.folder / f"{planned.identity}.log", 1))
        return
    found = progress(planned)
    yield f"{100 * found.share:.0f} %"
    if planned.state is PlannedState.RUNNING:
        if found.pages_per_second is not None and found.seconds_left is not None:
            yield f"{found.pages_per_second:.3g} pages/s"
            yield f"{duration(found.seconds_left)} left"
        holder = holder_of(planned.run.folder)
        yield str(holder) if holder else ""
