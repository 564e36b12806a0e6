"""``docexp train``: one run, or a sweep of them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from docexp.config.check import check
from docexp.config.compose import Composed, compose
from docexp.config.project import Project
from docexp.config.schema import RunSettings
from docexp.config.show import choices_help, group_help
from docexp.errors import DocexpError, nearest
from docexp.verbs.words import split_words

HELP = """usage: docexp train [group=choice …] [key=value …] [-m] [--cfg job] [--again]
       docexp train --help [group | group=choice]

Trains a model and scores it. The same settings always lead to the same run folder: an interrupted
run goes on where it stopped, a finished one says so.

  docexp train experiment=finetune/funsd model=layoutlmv3_tiny
  docexp train -m experiment=finetune/funsd seed=0,1,2      a sweep: one run for each value
  docexp train experiment=finetune/funsd debug=one_batch    does everything fit together?

  -m          sweep over comma-separated values; hydra.launcher.parallel=2 runs two at once,
              hydra/launcher=slurm hands the runs to a cluster and returns
  --cfg job   print the run's whole configuration, checked, and train nothing
  --again     train a finished run anew; the old folder is kept as <identity>.old-<n>
  config=FILE train what --cfg job has printed, or the config.yaml of a run
"""
ARGUMENTS = {"config": "file"}
GROUPS = ("*",)
FLAGS = ("-m", "--multirun", "--cfg", "--again", "--help", "-h")


def run(words: Sequence[str], project_dir: Path | None) -> int:
    """Runs the verb."""
    project = Project.at(project_dir)
    if {"--help", "-h"} & set(words):
        return _help(words, project)
    words, shows = _cfg(words)
    split = split_words(words, ARGUMENTS, FLAGS)
    if split.names:
        raise _no_override(split.names[0], project)
    again = "--again" in split.flags
    if split.flags & {"-m", "--multirun"}:
        if shows or split.arguments:
            raise DocexpError("-m trains: --cfg job and config=FILE are for one run. Leave one of them out.")
        from docexp.studies.sweep import sweep

        return sweep(split.overrides, project, again)
    launching = next((word for word in split.overrides if word.lstrip("+").startswith("hydra")), None)
    if launching is not None:
        raise DocexpError(f"{launching} says how the runs of a sweep are started: add -m.")
    if "config" in split.arguments:
        if split.overrides:
            raise DocexpError(f"config=FILE is a whole configuration: {split.overrides[0]} cannot be added to it")
        settings = resolved_settings(Path(split.arguments["config"]), project)
    else:
        settings = check(compose(split.overrides, project))
    if shows:
        import yaml

        print(yaml.safe_dump(settings.plain, sort_keys=False, allow_unicode=True), end="")
        return 0
    from docexp.training.run import train

    return train(settings, again=again)


def resolved_settings(file: Path, project: Project) -> RunSettings:
    """The settings of a file that holds ``RunSettings.plain``: what a sweep hands to its jobs, a run's config.yaml."""
    import yaml

    try:
        config = yaml.safe_load(file.expanduser().read_text(encoding="utf-8"))
    except OSError as error:
        raise DocexpError(f"config={file} cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        raise DocexpError(f"{file}{where}: no yaml ({getattr(error, 'problem', None) or error})") from error
    if not isinstance(config, dict):
        raise DocexpError(f"{file} holds no configuration: it should be what --cfg job prints")
    return from_plain(config, project, str(file))


def from_plain(config: dict[str, Any], project: Project, origin: str) -> RunSettings:
    """Checks a whole plain configuration again; ``origin`` is the file it came from."""
    groups = {key: value for key, value in config.items() if key != "experiment"}
    chosen = {"experiment": str(config.get("experiment", "custom"))}
    return check(Composed(groups, chosen, (), project, origin=origin))


def _cfg(words: Sequence[str]) -> tuple[list[str], bool]:
    """The words without ``--cfg job``, and whether it was there."""
    rest = list(words)
    for place, word in enumerate(words):
        name, equals, value = word.partition("=")
        if name == "--cfg":
            value = value if equals else "".join(words[place + 1 : place + 2])
            if value != "job":
                raise DocexpError(f"--cfg {value}".rstrip() + ": write --cfg job, the configuration of this run")
            del rest[place : place + 1 + (not equals)]
            return rest, True
    return rest, False


def _no_override(name: str, project: Project) -> DocexpError:
    groups = project.groups()
    close = nearest(name.replace(":", ".").split(".")[0], groups)
    hint = f"write {name}=CHOICE or {name}.KEY=VALUE" if name in groups else "write key=value"
    more = f" Nearest group: {close[0]}." if close and close[0] != name else ""
    return DocexpError(f"{name!r} is no override: {hint}, as in trainer.max_steps=100.{more}")


def _help(words: Sequence[str], project: Project) -> int:
    asked = [word for word in words if not word.startswith("-")]
    if not asked:
        print(HELP)
        print(choices_help(project))
    for word in asked:
        print(group_help(word, project))
    return 0
