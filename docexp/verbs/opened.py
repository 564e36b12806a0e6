"""A trained run, opened again from its folder for a verb that uses it."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docexp.config.compose import compose
from docexp.config.fill import fill
from docexp.config.project import Project
from docexp.config.schema import GROUPS as SCHEMAS
from docexp.config.sources import Sources
from docexp.errors import DocexpError, choice
from docexp.inputs.settings import PageSettings
from docexp.settings import hints_of
from docexp.verbs.train import from_plain
from docexp.verbs.words import Words

if TYPE_CHECKING:
    from docexp.runs.resolve import ResolvedRun

CHECKPOINTS = ("last", "best")


def one_run(words: Words, verb: str) -> tuple[str, list[str]]:
    """The run that a command names, and its overrides; an ``experiment=…`` in front of these is a name.

    Raises:
        DocexpError: there is no name, or more than one.
    """
    names, overrides = words.names, words.overrides
    if not names and overrides and overrides[0].startswith("experiment="):
        names, overrides = overrides[:1], overrides[1:]
    if len(names) != 1:
        raise DocexpError(f"{verb} takes one run: an identity, a folder, or experiment=…. See: docexp {verb} --help")
    return names[0], overrides


def open_run(
    name: str, runs: Path, verb: str, overrides: Sequence[str], project: Project, *, groups: Sequence[str]
) -> "ResolvedRun":
    """The run with its data, or with other data and hardware; on the CPU, where hardware is not among ``groups``.

    Args:
        name: an identity or its beginning, a run's folder, or settings.
        runs: where runs are looked for.
        verb: what refusals name.
        overrides: of settings in ``groups``.
        project: where choices are looked up.
        groups: what the verb lets one change: data, and perhaps hardware.

    Raises:
        DocexpError: no such run, no such data, or an override of anything else.
    """
    from docexp.inputs.tokenizer import load_tokenizer
    from docexp.runs.find import find
    from docexp.runs.resolve import ResolvedRun, check_pages, open_corpora

    folder = find(name, runs, project)
    plain = changed(folder.read_config(), overrides, project, verb, groups=groups)
    if "hardware" not in groups:
        plain["hardware"] = compose(["hardware=cpu"], project).config["hardware"]
    settings = from_plain(plain, project, str(folder.config))
    settings.hardware.check_present()
    corpora = open_corpora(settings.data)
    check_pages(settings, corpora)
    tokenizer = load_tokenizer(str(folder.tokenizer))
    return ResolvedRun(settings, corpora, tokenizer, None, {}, folder.identity, folder)


def open_checkpoint(run: "ResolvedRun", asked: str | None) -> Path:
    """The ``last`` or ``best`` checkpoint; where none is asked for, the one that the run is scored by.

    Raises:
        DocexpError: there is none.
    """
    from docexp.training.checkpoint_io import pointed

    which = asked or ("last" if run.settings.trainer.selection == "last" else "best")
    choice("checkpoint", which, CHECKPOINTS)
    checkpoint = pointed(run.folder.checkpoints, which)
    if checkpoint is None:
        hint = ": only trainer.selection=best_… keeps one. Take checkpoint=last." if which == "best" else "."
        raise DocexpError(f"run {run.identity} has no {which} checkpoint in {run.folder.checkpoints}{hint}")
    return checkpoint


def changed(
    config: dict[str, Any], overrides: Sequence[str], project: Project, verb: str, *, groups: Sequence[str]
) -> dict[str, Any]:
    """A run's configuration with other data or hardware.

    ``data=…`` changes where the pages come from, and nothing about how they are read; ``data.KEY=…`` changes that.

    Raises:
        DocexpError: an override of anything but ``groups``, which would be another model than was trained.
    """
    plain = {**config, "data": dict(config["data"]), "hardware": {**config["hardware"], "nodes": 1, "devices": 1}}
    composed = compose(overrides, project)
    chosen = composed.config
    for group in ("data", "hardware"):  # first as typed, so that a refusal names the command line
        fill(chosen[group], group, SCHEMAS[group], Sources(composed))
    for word in overrides:
        key = word.lstrip("+").partition("=")[0]
        group, _, name = key.partition(".")
        if group not in groups:
            raise DocexpError(
                f"{word}: {verb} takes {' and '.join(groups)} settings; the rest is the trained run's own"
            )
        if name:
            plain[group][name.partition(".")[0]] = chosen[group][name.partition(".")[0]]
        elif group == "hardware":
            plain["hardware"] = chosen["hardware"]
        else:
            how = set(hints_of(PageSettings)) - {"name"}
            where = {part: value for part, value in chosen["data"].items() if part not in how}
            plain["data"] = where | {part: value for part, value in plain["data"].items() if part in how}
    return plain
