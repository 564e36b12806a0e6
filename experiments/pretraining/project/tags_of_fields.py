"""Writes which fields each statement of shards has, as tags: ``python tags_of_fields.py SHARDS FILE``."""

import json
import sys
from pathlib import Path

from docexp.shards.index import Index
from docexp.shards.read import ShardReader


def main(shards: str, file: str) -> None:
    """A line for each document."""
    index = Index.open(Path(shards))
    reader = ShardReader(index)
    with Path(file).open("w") as lines:
        for row in range(len(index)):
            page = reader.read(row)
            lines.write(json.dumps({"document": page.document_id, "tags": sorted(page.fields or ())}) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
