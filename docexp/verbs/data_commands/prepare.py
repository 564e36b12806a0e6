"""``docexp data prepare``."""

import shlex
from collections.abc import Sequence
from pathlib import Path

from docexp.config.project import Project
from docexp.documents.readers.reader import Report
from docexp.errors import DocexpError
from docexp.shards.index import SetFacts
from docexp.verbs.data_commands.common import counting, data_settings, say_made, split_command


def run(words: Sequence[str], project: Project) -> int:
    """A reader's pages to shards."""
    from docexp.shards.write import write_shards

    split = split_command(words, "prepare")
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
    with counting(data.name) as count:
        made = write_shards(
            data.reader.pages(source, report), out, facts, again="--again" in split.flags, report=report, progress=count
        )
    say_made(made, report)
    return 0
