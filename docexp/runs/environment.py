"""``environment.json``: what a run was made with, and one entry for every time it was started."""

import json
import os
import platform
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

from docexp import __version__
from docexp.errors import DocexpError
from docexp.runs import atomic
from docexp.runs.code import SMALL_DIFF, change_message, changed_files, code_digest, repository
from docexp.runs.folder import RunFolder
from docexp.runs.processes import job_id
from docexp.runs.result import now

PACKAGES = (
    "torch",
    "transformers",
    "tokenizers",
    "safetensors",
    "pytorch-lightning",
    "torchmetrics",
    "hydra-core",
    "omegaconf",
    "webdataset",
    "datasets",
    "wandb",
    "deepspeed",
    "numpy",
    "pillow",
    "scipy",
)
INTERRUPTED, PREEMPTED, FAILED = "interrupted", "preempted", "failed"


@dataclass(kw_only=True)
class Segment:
    """One start of a run, until it ended. A killed process leaves ``outcome`` empty."""

    accelerator: str
    devices: int
    """On all machines."""
    strategy: str
    threads: int
    """CPU threads per process."""
    resumed_from_step: int
    host: str = field(default_factory=platform.node)
    pid: int = field(default_factory=os.getpid)
    job: str = field(default_factory=job_id)
    started: str = field(default_factory=now)
    changed: list[str] = field(default_factory=list)
    """What differed from the start before, in words."""
    ended: str = ""
    outcome: str = ""
    """``finished``, ``diverged``, ``interrupted``, ``preempted`` (a cluster starts it again) or ``failed``."""
    reason: str = ""
    """Why it failed, in one line."""


def describe(config: Mapping[str, Any], extras: Mapping[str, Any], project: Path) -> tuple[dict[str, Any], bytes]:
    """The facts for ``environment.json``, and the project's uncommitted changes as a diff.

    Never an environment variable: they hold secrets.

    Args:
        config: the run's plain configuration; the code that its ``_target_`` names is digested.
        extras: the checksums that went into the identity.
        project: the folder whose repository is described: the user's project, or where docexp was started.
    """
    git, diff = repository(project)
    facts = {
        "docexp": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpu": cpu_name(),
        "packages": package_versions(),
        "git": git,
        "extras": {key: value for key, value in extras.items() if value is not None},
        "code": code_digest(config),
    }
    return facts, diff


def begin_segment(folder: RunFolder, facts: Mapping[str, Any], diff: bytes, segment: Segment) -> list[str]:
    """Records a start; says, in words, what differs from the start before.

    The facts in the file are always those of the last start; what changed stands in each segment.

    Raises:
        DocexpError: the folder cannot be written, or its environment.json is damaged.
    """
    before = read_environment(folder)
    earlier = segments(folder)
    segment.changed = _changes(before, facts, earlier[-1], segment) if before and earlier else []
    if diff and len(diff) <= SMALL_DIFF:
        atomic.write_bytes(folder.changes, diff)
    elif folder.changes.exists():
        folder.changes.unlink()
    _write(folder, facts, [*earlier, segment])
    return segment.changed


def end_segment(folder: RunFolder, outcome: str, reason: str = "") -> None:
    """Records how the running segment ended; ``outcome`` is one of ``Segment``'s."""
    facts, all_segments = read_environment(folder), segments(folder)
    last = all_segments[-1]
    last.ended, last.outcome, last.reason = now(), outcome, reason.splitlines()[0] if reason else ""
    _write(folder, facts, all_segments)


def read_environment(folder: RunFolder) -> dict[str, Any]:
    """The whole file; empty when the run was never started.

    Raises:
        DocexpError: it is damaged.
    """
    if not folder.environment.exists():
        return {}
    try:
        return dict(json.loads(folder.environment.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise DocexpError(f"{folder.environment} cannot be read: {error}") from error


def segments(folder: RunFolder) -> list[Segment]:
    """Every start of the run, first to last."""
    try:
        return [Segment(**entry) for entry in read_environment(folder).get("segments", [])]
    except TypeError as error:
        raise DocexpError(f"{folder.environment} was written by another version of docexp: {error}") from error


def code_changed_since(folder: RunFolder, config: Mapping[str, Any]) -> str:
    """``the code has changed since: docexp/training/module.py``; empty when it is what the run last used."""
    return change_message(changed_files(read_environment(folder).get("code", {}), code_digest(config)))


def _write(folder: RunFolder, facts: Mapping[str, Any], all_segments: list[Segment]) -> None:
    entries = [asdict(entry) for entry in all_segments]
    atomic.write_json(folder.environment, {**facts, "segments": entries})


def _changes(before: Mapping[str, Any], facts: Mapping[str, Any], last: Segment, new: Segment) -> list[str]:
    lines = []
    for name in ("accelerator", "devices", "strategy", "threads"):
        old, current = getattr(last, name), getattr(new, name)
        if old != current:
            what = "threads per process" if name == "threads" else name
            lines.append(f"{what}: {current}, was {old}; from here on no longer bit-equal to an undisturbed run")
    for name in ("docexp", "python", "platform", "cpu"):
        if before.get(name) != facts[name]:
            lines.append(f"{name}: {facts[name]}, was {before.get(name)}")
    old_versions, versions = before.get("packages", {}), facts["packages"]
    lines += [
        f"{name}: {versions.get(name, 'absent')}, was {old_versions.get(name, 'absent')}"
        for name in PACKAGES
        if old_versions.get(name) != versions.get(name)
    ]
    code = change_message(changed_files(before.get("code", {}), facts["code"]))
    return [*lines, code] if code else lines


def package_versions() -> dict[str, str]:
    """The installed versions of ``PACKAGES``."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:  # deepspeed, outside of Linux
            continue
    return found


def cpu_name() -> str:
    """What the processor calls itself."""
    try:
        match = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), flags=re.MULTILINE)
    except OSError:
        match = None
    return match.group(1).strip() if match else platform.processor() or platform.machine()
