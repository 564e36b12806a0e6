"""``docexp study report``."""

import json
from collections.abc import Sequence

from rich.console import Console

from docexp.config.project import Project
from docexp.verbs.study_commands.common import read_words, refuse_absent_data


def run(words: Sequence[str], project: Project) -> int:
    """Prints the table."""
    from docexp.report.study_table import collect
    from docexp.studies.plan import make_plan

    asked = read_words(words, "report")
    refuse_absent_data(asked, project)
    table = collect(make_plan(asked.file, asked.study, asked.scale, project, asked.given))
    if "--json" in asked.split.flags:
        print(json.dumps(table.to_json(), indent=1, ensure_ascii=False))
    else:
        table.render(Console(highlight=False))
    return 0
