"""``docexp data index``."""

import shlex
from collections.abc import Sequence
from pathlib import Path

from docexp.config.project import Project
from docexp.errors import DocexpError
from docexp.shards.index import SetFacts
from docexp.verbs.data_commands.common import counting, say_made, split_command


def run(words: Sequence[str], project: Project) -> int:
    """An index beside tars that are there already."""
    del project
    from docexp.shards.adopt import index_tars

    split = split_command(words, "index")
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
    with counting(name) as count:
        made = index_tars(
            tars,
            out,
            facts,
            split=split.arguments.get("split"),
            again="--again" in split.flags,
            progress=count,
        )
    say_made(made, None)
    return 0
