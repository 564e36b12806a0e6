"""A study's runs as jobs of a cluster."""

from dataclasses import dataclass
from pathlib import Path

from docexp.errors import DocexpError
from docexp.studies.cluster import GONE, JobState, how_it_ended, states
from docexp.studies.plan import Plan
from docexp.studies.submissions import Submission, Submissions


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


def submissions_of(plan: Plan) -> dict[str, Submission]:
    """By identity, what is recorded of every run that is not at its end and was handed to a cluster."""
    submissions = Submissions(Path(plan.runs[0].run.settings.paths.runs))
    return {planned.identity: found for planned in plan.missing if (found := submissions.of(planned.identity))}


def jobs_in_words(plan: Plan) -> dict[str, str]:
    """By identity, the state of every such job; only its id where the cluster does not answer."""
    try:
        return {identity: str(job) for identity, job in jobs_of(plan).items()}
    except DocexpError:  # on another machine than the cluster's, say: the files alone tell the rest
        return {
            identity: f"job {found.job} (Slurm does not answer here)"
            for identity, found in submissions_of(plan).items()
        }


def jobs_of(plan: Plan) -> dict[str, ClusterJob]:
    """By identity, the job of every run that is not at its end and was handed to a cluster.

    Raises:
        DocexpError: there are such jobs, and the cluster does not answer.
    """
    known = submissions_of(plan)
    if not known:
        return {}
    told = states([submission.job for submission in known.values()])
    return {name: ClusterJob(told[submission.job], Path(submission.log)) for name, submission in known.items()}
