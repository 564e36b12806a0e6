"""``docexp data export``."""

from collections.abc import Sequence
from pathlib import Path

from docexp.config.project import Project
from docexp.errors import DocexpError, choice
from docexp.verbs.data_commands.common import counting, data_settings, split_command

FORMATS = ("hf",)


def run(words: Sequence[str], project: Project) -> int:
    """A set of shards in a form that other programs read."""
    from docexp.runs.resolve import open_index
    from docexp.shards.export import export_dataset

    split = split_command(words, "export")
    choice("format", split.arguments.get("format", "hf"), FORMATS)
    if "out" not in split.arguments:
        raise DocexpError("docexp data export needs out=DIR, the folder to make.")
    out = Path(split.arguments["out"]).expanduser()
    index = open_index(data_settings(split.overrides, project, "export"))
    with counting(str(index.folder)) as count:
        files = export_dataset(index, out, progress=count)
    if index.facts.codes is not None:
        print(f"left out: the image codes ({index.facts.codes}), for which such datasets have no column")
    size = sum(file.stat().st_size for file in files)
    print(f"{out}: {len(index):,} pages, {len(files):,} parquet files, {size / 1e6:,.1f} MB")
    print(f'read it: datasets.load_dataset("{out}"), or docexp data prepare data=hub source={out}')
    return 0
