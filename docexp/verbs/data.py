"""``docexp data …``: datasets as shards, and tokenizers."""

import importlib
from collections.abc import Sequence
from pathlib import Path

from docexp.config.project import Project
from docexp.verbs.words import chosen_command

HELP = """usage: docexp data COMMAND data=… [key=value …]

  prepare     a dataset's genuine download to shards
                docexp data prepare data=funsd source=~/funsd out=shards/funsd
                killed, it goes on when typed again; jobs=N processes read (default: at most 8)
                image_size=224 stores images resized as training would, as images=png (the same
                pixels) or images=jpg (quality=92)
  index       adopt WebDataset tars of pages made by others, in place
                docexp data index tars=DIR name=my_pages
  check       validate every page, image and checksum; exit status 1 on faults
                docexp data check data=funsd
                jobs=N processes read; pages that come twice, odd boxes and labels are notes
  stats       counts of pages, words and labels, page sizes, tokens on a page
                docexp data stats data=funsd tokenizer=data:4096
                plot=FILE.png draws them, --json prints json; pages=1000 of each split are read
  preview     pages with all that is annotated on them, as one HTML file
                docexp data preview data=funsd out=funsd.html
                split=test pages=12 seed=0 draw them, ids=a,b name them
                objective=[mlm,wpa,mim] model=layoutlmv3_tiny: as pretraining with this seed sees
                them in epoch=0, with what is hidden, covered and to be guessed
  export      shards to a Hugging Face dataset: parquet with images, and its card
                docexp data export data=funsd out=funsd_hf
  tokenizer   train byte-level BPE on the training split
                docexp data tokenizer data=funsd vocab_size=4096 out=tokenizers/funsd
  tokenize-images
              the same shards with the codes that an image tokenizer gives each image
                docexp data tokenize-images data=funsd tokenizer=FOLDER grid=14 out=funsd_codes
                killed, it goes on when typed again; jobs=N processes tokenize

  out=DIR     where to write; without it, where data=… looks for its shards
  --again     make shards anew that are there already
"""
COMMANDS: dict[str, tuple[dict[str, str], tuple[str, ...], tuple[str, ...]]] = {
    "prepare": (
        {
            "source": "folder",
            "out": "folder",
            "jobs": "text",
            "image_size": "text",
            "images": "keep|png|jpg",
            "quality": "text",
        },
        ("--again",),
        ("data", "paths"),
    ),
    "index": (
        {"tars": "folder", "out": "folder", "name": "text", "licence": "text", "split": "train|validation|test"},
        ("--again",),
        (),
    ),
    "check": ({"jobs": "text"}, (), ("data", "paths")),
    "stats": ({"tokenizer": "folder", "plot": "file", "pages": "text"}, ("--json",), ("data", "paths")),
    "preview": (
        {"out": "file", "split": "text", "pages": "text", "ids": "text", "seed": "text", "epoch": "text"},
        (),
        ("data", "paths", "objective", "model"),
    ),
    "export": ({"out": "folder", "format": "hf"}, (), ("data", "paths")),
    "tokenizer": ({"out": "folder", "vocab_size": "text"}, (), ("data", "paths")),
    "tokenize-images": (
        {"tokenizer": "folder", "grid": "text", "out": "folder", "jobs": "text"},
        ("--again",),
        ("data", "paths"),
    ),
}
"""Each command's arguments with what their values are, its flags, and the groups of which it takes settings."""


def run(words: Sequence[str], project_dir: Path | None) -> int:
    """Runs one of the commands: the file of its name in ``data_commands``, with ``_`` for ``-``."""
    chosen = chosen_command("data", words, COMMANDS)
    if chosen is None:
        print(HELP)
        return 0
    command, rest = chosen
    module = importlib.import_module(f"docexp.verbs.data_commands.{command.replace('-', '_')}")
    return module.run(rest, Project.at(project_dir))
