"""``docexp train -m``: Hydra spells out the jobs, all are checked, then the launcher runs what is not finished."""

import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from docexp.config.check import check
from docexp.config.compose import PRIMARY, Project, compose, normalise_override, search_path
from docexp.errors import DocexpError
from docexp.runs.resolve import ResolvedRun, resolve
from docexp.runs.result import Result

TAIL_LINES = 20


@dataclass(frozen=True)
class Job:
    """One run of a sweep: what was swept, the run itself, and where its process writes."""

    words: str
    run: ResolvedRun
    config: Path
    log: Path


def sweep(overrides: Sequence[str], project: Project, again: bool) -> int:
    """Runs every combination of the comma-separated overrides; 0 when all finished.

    Raises:
        DocexpError: any one of the jobs is not a valid run; then none is started.
    """
    from hydra._internal.hydra import Hydra
    from hydra._internal.utils import create_config_search_path
    from hydra.core.global_hydra import GlobalHydra
    from hydra.errors import HydraException

    from docexp.studies.launchers import register

    words = [normalise_override(word, project) for word in overrides]
    outcomes: list[str | None] = []

    def start(request: Any) -> list[str | None]:
        all_words, parallel = request
        outcomes.extend(_run_all([list(w) for w in all_words], parallel, project, again))
        return outcomes

    register()
    hydra = Hydra.create_main_hydra2("docexp", create_config_search_path(str(project.folders[0])))
    try:
        hydra.multirun(PRIMARY, start, [*search_path(project), *words], with_log_configuration=False)
    except HydraException as error:
        raise DocexpError(" · ".join(str(error).splitlines()[:2])) from None
    finally:
        GlobalHydra.instance().clear()
    return 1 if any(outcomes) else 0


def _run_all(all_words: list[list[str]], parallel: int, project: Project, again: bool) -> list[str | None]:
    from hydra.core.global_hydra import GlobalHydra

    GlobalHydra.instance().clear()
    runs = [resolve(check(compose(words, project))) for words in all_words]
    names = _swept(all_words)
    identities = [run.identity for run in runs]
    for first, identity in enumerate(identities):
        if identity in identities[:first]:
            raise DocexpError(
                f"two jobs of this sweep are the same run {identity}: {names[identities.index(identity)]} and "
                f"{names[first]}. Sweep over settings that change the run."
            )
    folder = _folder(runs)
    jobs = []
    for number, (name, run) in enumerate(zip(names, runs, strict=True)):
        config = folder / f"{number:03d}.yaml"
        _write_config(run, config)
        jobs.append(Job(name, run, config, folder / f"{number:03d}.log"))
    finished = sum(job.run.folder.result.is_file() for job in jobs) if not again else 0
    console = Console(highlight=False)
    console.print(f"{len(jobs)} runs: {finished} finished, {len(jobs) - finished} to run, {parallel} at once")
    with ThreadPoolExecutor(parallel) as pool:
        return list(pool.map(lambda job: _run_one(job, parallel, again, console), jobs))


def _run_one(job: Job, parallel: int, again: bool, console: Console) -> str | None:
    """Runs one job in its own process; the reason it failed, or None."""
    began = time.monotonic()
    command = [sys.executable, "-m", "docexp.cli", "train", f"config={job.config}", *(["--again"] if again else [])]
    with job.log.open("wb") as log:
        job_process = subprocess.run(
            command, stdout=log, stderr=subprocess.STDOUT, env=_environment(parallel), check=False
        )
    minutes, seconds = divmod(round(time.monotonic() - began), 60)
    head = f"{job.words}  {job.run.identity}"
    if job_process.returncode == 0:
        result = Result.read(job.run.folder.result)
        score = "diverged" if result.status == "diverged" else f"{result.primary_metric} {100 * result.value:.1f}"
        console.print(f"{head}  {score}  {minutes}:{seconds:02d}", soft_wrap=True)
        return None
    tail = job.log.read_text(errors="replace").splitlines()[-TAIL_LINES:]
    lines = [f"{head}  failed with status {job_process.returncode}, last lines of {job.log}:", *(f"    {line}" for line in tail)]
    console.print("\n".join(lines), markup=False, soft_wrap=True)
    return f"status {job_process.returncode}"


def _environment(parallel: int) -> dict[str, str]:
    """Jobs side by side share the cores; a number of threads that is set already stays."""
    threads = max(len(os.sched_getaffinity(0)) // parallel, 1) if hasattr(os, "sched_getaffinity") else 1
    return {"OMP_NUM_THREADS": str(threads), **os.environ}


def _swept(all_words: list[list[str]]) -> list[str]:
    """Each job named by the words that are not the same for all."""
    shared = set.intersection(*(set(words) for words in all_words))
    names = [" ".join(word.lstrip("+") for word in words if word not in shared) for words in all_words]
    return [name or "the only job" for name in names]


def _folder(runs: list[ResolvedRun]) -> Path:
    name = hashlib.sha256("".join(run.identity for run in runs).encode()).hexdigest()[:4]
    folder = Path(runs[0].settings.paths.runs) / ".sweeps" / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DocexpError(
            f"{folder} cannot be made: {error.strerror}. Set paths.runs to a folder you may write."
        ) from error
    return folder


def _write_config(run: ResolvedRun, file: Path) -> None:
    import yaml

    file.write_text(yaml.safe_dump(run.settings.plain, sort_keys=False, allow_unicode=True))
