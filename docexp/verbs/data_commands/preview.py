"""``docexp data preview``."""

from collections.abc import Sequence
from pathlib import Path

from docexp.config.project import Project
from docexp.errors import DocexpError
from docexp.verbs.data_commands.common import counting, data_settings, file_to_write, split_command, whole_number
from docexp.verbs.words import Words

PAGES = 12


def run(words: Sequence[str], project: Project) -> int:
    """Some pages with their annotations as one HTML file."""
    from docexp.report.preview.choose import drawn, named, rows_of
    from docexp.report.preview.file import document
    from docexp.report.preview.record import record
    from docexp.runs import atomic
    from docexp.runs.resolve import open_index
    from docexp.shards.read import ShardReader

    split = split_command(words, "preview")
    out, seed, pages = _out(split), whole_number(split, "seed", 0, least=0), whole_number(split, "pages", PAGES)
    index = open_index(data_settings(split.overrides, project, "preview"))
    reader, rows = ShardReader(index), rows_of(index, split.arguments.get("split"))
    if "ids" in split.arguments:
        chosen = named(reader, rows, split.arguments["ids"].split(","))
    else:
        chosen = drawn(rows, pages, seed)
    records = []
    with counting(str(index.folder)) as count:
        for row in chosen:
            records.append(record(reader.read(row), index.split_of(row), len(chosen)))
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
