"""``docexp data …``: datasets as shards, and tokenizers."""

import shlex
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from docexp.config.check import refuse_unknown
from docexp.config.compose import Composed, compose
from docexp.config.fill import fill
from docexp.config.project import Project
from docexp.config.sources import Sources
from docexp.documents.readers.reader import Report
from docexp.errors import DocexpError, nearest
from docexp.inputs.settings import DataSettings
from docexp.shards.index import Index, SetFacts
from docexp.verbs.words import Words, split_words

HELP = """usage: docexp data COMMAND data=… [key=value …]

  prepare     a dataset's genuine download to shards
                docexp data prepare data=funsd source=~/funsd out=shards/funsd
  index       adopt WebDataset tars of pages made by others, in place
                docexp data index tars=DIR name=my_pages
  check       validate every page, image and checksum; exit status 1 on faults
                docexp data check data=funsd
  stats       counts of pages, words and entities
                docexp data stats data=funsd
  tokenizer   train byte-level BPE on the training split
                docexp data tokenizer data=funsd vocab_size=4096 out=tokenizers/funsd

  out=DIR     where to write; without it, where data=… looks for its shards
  --again     make shards anew that are there already
"""
COMMANDS: dict[str, tuple[dict[str, str], tuple[str, ...], tuple[str, ...]]] = {
    "prepare": ({"source": "folder", "out": "folder"}, ("--again",), ("data", "paths")),
    "index": (
        {"tars": "folder", "out": "folder", "name": "text", "licence": "text", "split": "train|validation|test"},
        ("--again",),
        (),
    ),
    "check": ({}, (), ("data", "paths")),
    "stats": ({}, (), ("data", "paths")),
    "tokenizer": ({"out": "folder", "vocab_size": "text"}, (), ("data", "paths")),
}
"""Each command's arguments with what their values are, its flags, and the groups of which it takes settings."""
PIPED = 160
"""Columns of a table that goes into a file or pipe, where nothing may be cut."""


def run(words: Sequence[str], project_dir: Path | None) -> int:
    """Runs one of the commands."""
    commands: dict[str, Callable[[Sequence[str], Project], int]] = {
        "prepare": prepare,
        "index": index,
        "check": check_shards,
        "stats": stats,
        "tokenizer": tokenizer,
    }
    if not words or words[0] in ("--help", "-h") or {"--help", "-h"} & set(words):
        print(HELP)
        return 0
    command, *rest = words
    if command not in commands:
        close = nearest(command, list(commands))
        hint = f"Nearest: docexp data {close[0]}." if close else f"Commands: {', '.join(commands)}."
        raise DocexpError(f"data {command} is no command. {hint}")
    return commands[command](rest, Project.at(project_dir))


def prepare(words: Sequence[str], project: Project) -> int:
    """A reader's pages to shards."""
    from docexp.shards.write import write_shards

    split = _split(words, "prepare")
    data = data_settings(split.overrides, project, "prepare")
    if data.reader is None:
        raise DocexpError(f"{data.name} has no reader: its shards come from elsewhere (docexp data index)")
    source = Path(split.arguments["source"]).expanduser() if "source" in split.arguments else None
    if source is None and data.reader.needs_source:
        raise DocexpError(f"{data.name} needs source=DIR, the folder of its unpacked download.")
    out = Path(split.arguments.get("out", data.shards)).expanduser()
    report = Report()
    facts = SetFacts(
        name=data.name, licence=data.reader.licence, command=shlex.join(["docexp", "data", "prepare", *words])
    )
    with _counting(data.name) as count:
        made = write_shards(
            data.reader.pages(source, report), out, facts, again="--again" in split.flags, report=report, progress=count
        )
    _say_made(made, report)
    return 0


def index(words: Sequence[str], project: Project) -> int:
    """An index beside tars that are there already."""
    del project
    from docexp.shards.adopt import index_tars

    split = _split(words, "index")
    if "tars" not in split.arguments:
        raise DocexpError("docexp data index needs tars=DIR, the folder with the tars")
    tars = Path(split.arguments["tars"]).expanduser()
    name = split.arguments.get("name", tars.stem)
    facts = SetFacts(
        name=name,
        licence=split.arguments.get("licence", "unknown"),
        command=shlex.join(["docexp", "data", "index", *words]),
    )
    out = Path(split.arguments["out"]).expanduser() if "out" in split.arguments else tars
    with _counting(name) as count:
        made = index_tars(
            tars,
            out,
            facts,
            split=split.arguments.get("split"),
            again="--again" in split.flags,
            progress=count,
        )
    _say_made(made, None)
    return 0


def check_shards(words: Sequence[str], project: Project) -> int:
    """All faults of a set of shards; exit status 1 when there are any."""
    from docexp.shards.check import check

    opened = _index(words, project, "check")
    with _counting(str(opened.folder)) as count:
        findings = check(opened, progress=count)
    faults = sum(finding.fault for finding in findings)
    for finding in findings:
        print(f"{'fault' if finding.fault else 'note'}: {finding.text}")
    print(f"{opened.folder}: {len(opened):,} pages checked, {faults} faults, {len(findings) - faults} notes")
    return 1 if faults else 0


def stats(words: Sequence[str], project: Project) -> int:
    """What a set of shards holds."""
    from docexp.shards.stats import render, statistics

    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = PIPED
    console.print(render(statistics(_index(words, project, "stats"))))
    return 0


def tokenizer(words: Sequence[str], project: Project) -> int:
    """A tokenizer trained on the training split."""
    from docexp.inputs.data_tokenizer import data_tokenizer
    from docexp.runs.resolve import open_index

    split = _split(words, "tokenizer")
    size = split.arguments.get("vocab_size", "4096")
    if not size.isdigit():
        raise DocexpError(f"vocab_size={size} must be a whole number")
    data = data_settings(split.overrides, project, "tokenizer")
    out = Path(split.arguments["out"]).expanduser() if "out" in split.arguments else None
    if out is not None and out.exists():
        raise DocexpError(f"{out} exists: give out= another folder")
    made = data_tokenizer(open_index(data), int(size), out)
    smaller = f" (fewer than {int(size):,}: no more pairs occur twice)" if made.vocab_size < int(size) else ""
    print(f"byte-level BPE of {made.vocab_size:,} tokens{smaller}, checksum {made.checksum[:12]}")
    if out is not None:
        print(f"use it: model.tokenizer={out}")
    else:
        print(f"use it: model.tokenizer=data:{size}")
    return 0


def data_settings(overrides: Sequence[str], project: Project, command: str) -> DataSettings:
    """The checked ``data`` group alone, so that a dataset can be prepared without choosing a model."""
    composed: Composed = compose(overrides, project)
    refuse_unknown(composed.config, f"docexp data {command}", Sources(composed), tuple(COMMANDS[command][0]))
    settings, _ = fill(composed.config.get("data"), "data", DataSettings, Sources(composed))
    return settings


@contextmanager
def _counting(name: str) -> Iterator[Callable[[int], None]]:
    """A line with the number of pages so far, where there is a terminal."""
    console = Console(highlight=False)
    total = 0

    def count(more: int) -> None:
        nonlocal total
        total += more
        status.update(f"{name}: {total:,} pages")

    with console.status(name) as status:
        yield count


def _say_made(made: Index, report: Report | None) -> None:
    print(made.summary())
    for line in report.lines() if report else ():
        print(f"  {line}")
    print(made.place())


def _index(words: Sequence[str], project: Project, command: str) -> Index:
    from docexp.runs.resolve import open_index

    return open_index(data_settings(_split(words, command).overrides, project, command))


def _split(words: Sequence[str], command: str) -> Words:
    arguments, flags, groups = COMMANDS[command]
    split = split_words(words, arguments, flags)
    if split.names:
        raise DocexpError(f"{split.names[0]!r} is no key=value. See: docexp data {command} --help")
    for word in split.overrides:
        group = word.lstrip("+").partition("=")[0].partition(".")[0]
        known = [*arguments, *groups]
        if group not in known:
            close = nearest(group, known)
            hint = f"Nearest: {close[0]}." if close else f"It takes {', '.join(known)}."
            raise DocexpError(f"{word} is nothing that docexp data {command} takes. {hint}")
    return split
