"""``docexp train``: one run, or a sweep of them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from docexp.config.check import check
from docexp.config.compose import Composed, Project, compose
from docexp.config.schema import RunSettings
from docexp.errors import DocexpError
from docexp.verbs.words import split_words

HELP = """usage: docexp train [group=choice …] [key=value …] [-m] [--cfg job] [--again]

Trains a model and scores it. The same settings always lead to the same run folder: an interrupted run goes on
where it stopped, a finished one says so.

  docexp train experiment=finetune/funsd model=layoutlmv3_tiny
  docexp train -m experiment=finetune/funsd seed=0,1,2          a sweep: one run for each value
  docexp train experiment=finetune/funsd debug=one_batch        does everything fit together?

  -m          sweep over comma-separated values; hydra.launcher.parallel=2 runs two jobs at once
  --cfg job   print the run's whole configuration, checked, and train nothing
  --again     train a finished run anew; the old folder is kept as <identity>.old-<n>

groups and choices:
{groups}
"""
FLAGS = ("-m", "--multirun", "--cfg", "--again", "--help", "-h")


def run(words: Sequence[str], project_dir: Path | None) -> int:
    """Runs the verb."""
    words = ["--cfg" if word == "--cfg=job" else word for word in words]
    split = split_words(words, ("config",), FLAGS)
    names = [name for name in split.names if not ("--cfg" in split.flags and name == "job")]
    if names:
        raise DocexpError(f"{names[0]!r} is no override: write key=value, as in trainer.max_steps=100")
    project = Project.at(project_dir)
    if split.flags & {"--help", "-h"}:
        print(HELP.format(groups=_groups(project)))
        return 0
    again = "--again" in split.flags
    if split.flags & {"-m", "--multirun"}:
        from docexp.studies.sweep import sweep

        return sweep(split.overrides, project, again)
    if "config" in split.arguments:
        settings = resolved_settings(Path(split.arguments["config"]), project)
    else:
        settings = check(compose(split.overrides, project))
    if "--cfg" in split.flags:
        import yaml

        print(yaml.safe_dump(settings.plain, sort_keys=False, allow_unicode=True), end="")
        return 0
    from docexp.training.run import train

    return train(settings, again=again)


def resolved_settings(file: Path, project: Project) -> RunSettings:
    """The settings of a file that holds ``RunSettings.plain``: what a sweep hands to its jobs, a run's config.yaml."""
    import yaml

    try:
        config = yaml.safe_load(file.read_text())
    except (OSError, yaml.YAMLError) as error:
        raise DocexpError(f"{file} cannot be read as a configuration: {error}") from error
    if not isinstance(config, dict):
        raise DocexpError(f"{file} holds no configuration")
    return from_plain(config, project)


def from_plain(config: dict[str, Any], project: Project) -> RunSettings:
    """Checks a whole plain configuration again."""
    groups = {key: value for key, value in config.items() if key != "experiment"}
    return check(Composed(groups, {"experiment": str(config.get("experiment", "custom"))}, (), project))


def _groups(project: Project) -> str:
    lines = []
    for group in project.groups():
        choices = project.choices(group)
        lines.append(f"  {group}=" + ", ".join(choices))
    return "\n".join(lines)
