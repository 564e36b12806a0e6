"""``docexp data preview``."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from docexp.config.project import OBJECTIVE, Project
from docexp.errors import DocexpError
from docexp.shards.index import Index
from docexp.verbs.data_commands.common import (
    counting,
    data_settings,
    file_to_write,
    one_dataset,
    split_command,
    whole_number,
)
from docexp.verbs.words import Words

PAGES = 12


def run(words: Sequence[str], project: Project) -> int:
    """Some pages with their annotations as one HTML file; with objectives, as pretraining sees them."""
    from docexp.report.preview.choose import drawn, named, rows_of
    from docexp.report.preview.file import document
    from docexp.report.preview.record import record
    from docexp.runs import atomic
    from docexp.shards.read import ShardReader

    split = split_command(words, "preview")
    out, seed, pages = _out(split), whole_number(split, "seed", 0, least=0), whole_number(split, "pages", PAGES)
    index, seen = _opened(split, seed, project)
    some = "train" if seen is not None and "ids" not in split.arguments else None  # what pretraining takes pages from
    reader, rows = ShardReader(index), rows_of(index, split.arguments.get("split", some))
    if "ids" in split.arguments:
        chosen = named(reader, rows, split.arguments["ids"].split(","))
    else:
        chosen = drawn(rows, pages, seed)
    records = []
    with counting(str(index.folder)) as count:
        for row in chosen:
            made = record(reader.read(row), index.split_of(row), len(chosen))
            records.append(made if seen is None else {**made, "seen": seen(row)})
            count(1)
    about = f"{index.summary()}. Licence: {index.facts.licence}."
    atomic.write_text(out, document(index.name, about, records), "Choose another out=FILE.html.")
    print(f"{out}: {len(records)} of {len(rows):,} pages, {out.stat().st_size / 1e6:,.1f} MB · open it in a browser")
    return 0


def _out(split: Words) -> Path:
    out = file_to_write(split, "out", (".html", ".htm"))
    if out is None:
        raise DocexpError("docexp data preview needs out=FILE.html, the file to write")
    if "ids" in split.arguments and {"pages", "seed"} & split.arguments.keys():
        raise DocexpError("ids=… names the pages; pages= and seed= draw them. Keep one of the two.")
    return out


def _opened(split: Words, seed: int, project: Project) -> tuple[Index, Callable[[int], dict[str, Any]] | None]:
    """The data; and, where objectives are chosen, what pretraining makes of a row."""
    if any(_group(word) == OBJECTIVE for word in split.overrides):
        return _trained_on(split, seed, project)
    from docexp.runs.resolve import open_index

    idle = [word for word in split.overrides if _group(word) == "model"]
    idle += [f"epoch={split.arguments['epoch']}"] if "epoch" in split.arguments else []
    if idle:
        raise DocexpError(f"{idle[0]} has no effect without objectives. Choose some: {OBJECTIVE}=[mlm].")
    return open_index(data_settings(split.overrides, project, "preview")), None


def _trained_on(split: Words, seed: int, project: Project) -> tuple[Index, Callable[[int], dict[str, Any]]]:
    """As ``docexp train task=pretraining`` with the same words would have it, refusals included."""
    from docexp.config.check import check
    from docexp.config.compose import compose
    from docexp.report.preview.training import training_record
    from docexp.runs.resolve import resolve

    epoch = whole_number(split, "epoch", 0, least=0)
    settings = check(compose([*split.overrides, "task=pretraining", f"seed={seed}"], project))
    one_dataset(settings.data, "preview")
    made = resolve(settings)
    return made.corpora.indices[0], training_record(made, epoch)


def _group(word: str) -> str:
    return word.lstrip("+").partition("=")[0].partition(".")[0]
