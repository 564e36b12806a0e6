"""``docexp data prepare``."""

from collections.abc import Sequence
from pathlib import Path

from docexp.config.project import Project
from docexp.errors import DocexpError
from docexp.shards.index import SetFacts
from docexp.verbs.data_commands.common import as_typed, counting, data_settings, say_made, split_command, whole_number


def run(words: Sequence[str], project: Project) -> int:
    """A reader's pages to shards."""
    from docexp.shards.prepare import Preparation, default_jobs
    from docexp.shards.remote import is_url
    from docexp.shards.store_image import StoredImages

    split = split_command(words, "prepare")
    data = data_settings(split.overrides, project, "prepare")
    if data.reader is None:
        raise DocexpError(f"{data.name} has no reader: its shards come from elsewhere (docexp data index)")
    source = Path(split.arguments["source"]).expanduser() if "source" in split.arguments else None
    if source is None and data.reader.needs_source:
        raise DocexpError(f"{data.name} needs source=DIR, the folder of its unpacked download.")
    if "out" not in split.arguments and is_url(data.shards):
        raise DocexpError(f"data.shards={data.shards} is a URL; shards are written to a folder: out=DIR")
    out = Path(split.arguments.get("out", data.shards)).expanduser()
    side, quality = "image_size" in split.arguments, "quality" in split.arguments
    images = StoredImages(
        images=split.arguments.get("images", "png" if side else "keep"),  # pyright: ignore[reportArgumentType]
        image_size=whole_number(split, "image_size", 1) if side else None,
        quality=whole_number(split, "quality", StoredImages.quality),
    )
    if quality and images.images != "jpg":
        raise DocexpError(f"quality={images.quality} is for images=jpg only. Leave it out.")
    facts = SetFacts(name=data.name, licence=data.reader.licence, command=as_typed("prepare", words))
    with counting(data.name) as count:
        made, report = Preparation(
            data.reader,
            source,
            out,
            facts,
            jobs=whole_number(split, "jobs", default_jobs()),
            images=images,
            again="--again" in split.flags,
            progress=count,
        ).run()
    say_made(made, report)
    return 0
