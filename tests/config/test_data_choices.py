"""Every dataset that is shipped: its file says what it is and how it is prepared, and the README lists it."""

import re
import shlex
from pathlib import Path

import pytest

from docexp.config.project import Project
from docexp.inputs.settings import DataSettings
from docexp.verbs.data_commands.common import data_settings, split_command

README = Path(__file__).resolve().parents[2] / "README.md"
WITHOUT_READER = {"mixture"}
CHOICES = [choice for choice in Project().choices("data") if choice not in WITHOUT_READER]


def header(choice: str) -> tuple[str, str, list[str]]:
    """What the dataset is, its licence, and its commands, of which the first follows right after these."""
    lines = Project().header("data", choice)
    commands = [line.strip() for line in lines if line.startswith("  docexp data prepare ")]
    assert commands, f"conf/data/{choice}.yaml names no command"
    text = " ".join(lines[: lines.index(f"  {commands[0]}")])
    match = re.fullmatch(r"(.+)\. Licence: (.+)\.", text)
    assert match, f"conf/data/{choice}.yaml opens with {text!r}, not with '<name>: <size>. Licence: <licence>.'"
    return re.split(r"\. (?=[A-Z])", match[1])[0], match[2], commands


def prepared(command: str) -> tuple[dict[str, str], DataSettings]:
    """The arguments and the checked settings of a command."""
    docexp, data, prepare, *words = shlex.split(command)
    assert [docexp, data, prepare] == ["docexp", "data", "prepare"]
    split = split_command(words, "prepare")
    return dict(split.arguments), data_settings(split.overrides, Project(), "prepare")


@pytest.mark.parametrize("choice", CHOICES)
def test_the_header_names_the_dataset_its_licence_and_a_command_that_composes(choice: str) -> None:
    _, licence, commands = header(choice)
    for command in commands:
        assert f" data={choice} " in f"{command} ", f"the command of conf/data/{choice}.yaml prepares another choice"
        arguments, settings = prepared(command)
        assert settings.reader is not None
        assert ("source" in arguments) == settings.reader.needs_source
        assert settings.shards.endswith(f"/{choice}")
        if not settings.reader.needs_source:
            continue
        out = arguments["out"]
        assert out == "shards/mine" or re.fullmatch(rf"shards/{choice}(_\w+)?", out), f"{choice} is written to {out}"
        stated = settings.reader.licence
        assert licence.split()[0].rstrip(",") in stated or "mine" in out, f"{licence!r} and {stated!r} differ"


def table() -> list[str]:
    """The README's table, as the files of conf/data say it."""
    rows = ["| dataset | annotations | licence | `docexp data prepare` … |", "|---|---|---|---|"]
    for choice in CHOICES:
        what, licence, commands = header(choice)
        reader = prepared(commands[0])[1].reader
        assert reader is not None
        kinds = ", ".join(kind.replace("_", " ") for kind in reader.annotations) or "—"
        rows.append(f"| {what} | {kinds} | {licence} | `{commands[0].removeprefix('docexp data prepare ')}` |")
    return rows


def test_the_readme_lists_every_dataset_as_its_file_describes_it() -> None:
    wanted = "\n".join(table())
    assert wanted in README.read_text(encoding="utf-8"), f"README.md, under Datasets, is to hold:\n{wanted}"
