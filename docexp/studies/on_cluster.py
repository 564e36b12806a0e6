"""A study's runs as jobs of a cluster."""

from dataclasses import dataclass
from pathlib import Path

from docexp.studies.cluster import GONE, JobState, how_it_ended, states
from docexp.studies.plan import Plan
from docexp.studies.submissions import Submissions


@dataclass(frozen=True)
class ClusterJob:
    """The last job that a run was handed over as."""

    state: JobState
    log: Path

    @property
    def under_way(self) -> bool:
        """Whether it waits or runs."""
        return not self.state.ended

    def __str__(self) -> str:
        if self.under_way:
            return f"job {self.state.id} {self.state}"
        return "" if self.state.state in (GONE, "COMPLETED") else f"job {how_it_ended(self.state, self.log)}"


def jobs_of(plan: Plan) -> dict[str, ClusterJob]:
    """By identity, the job of every run that is not at its end and was handed to a cluster.

    Raises:
        DocexpError: there are such jobs, and the cluster does not answer.
    """
    submissions = Submissions(Path(plan.runs[0].run.settings.paths.runs))
    known = {planned.identity: found for planned in plan.missing if (found := submissions.of(planned.identity))}
    if not known:
        return {}
    told = states([submission.job for submission in known.values()])
    return {name: ClusterJob(told[submission.job], Path(submission.log)) for name, submission in known.items()}
