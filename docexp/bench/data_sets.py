"""The sets that reading is measured on: the same pages with images as drawn, and stored at the size of a model."""

import json
import tarfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from docexp.documents.readers.reader import Report
from docexp.documents.synthetic import SyntheticForms
from docexp.shards.build import commit_index, stage_index
from docexp.shards.contents import Contents
from docexp.shards.index import Index, SetFacts
from docexp.shards.store_image import StoredImages
from docexp.shards.write import write_shards

FULL, JPEG, PNG = "full-size JPEG", "stored JPEG", "stored PNG"
FULL_QUALITY = 85
SHARDS = 4
"""Tars of a set, so that reading goes over several files."""


@dataclass(frozen=True)
class BenchSets:
    """The sets by name, and bytes of a sample in each (image, record and tar headers)."""

    sets: dict[str, Index]

    def sample_bytes(self, name: str) -> int:
        """Mean size of a sample."""
        return round(float(self.sets[name].table["size"].mean()))


def make_sets(folder: Path, pages: int, size: int) -> BenchSets:
    """Draws forms and writes them three times; words, boxes, width and height are the same in all."""
    drawn = [page for _, page in SyntheticForms(train=pages, validation=0, test=0).pages(None, Report())]
    ways = {
        FULL: StoredImages(images="jpg", quality=FULL_QUALITY),
        JPEG: StoredImages(images="jpg", image_size=size),
        PNG: StoredImages(images="png", image_size=size),
    }
    sets = {}
    for name, images in ways.items():
        stored = [("train", images.stored(page)) for page in drawn]
        room = sum(len(page.image or b"") + len(json.dumps(page.to_json())) for _, page in stored) // SHARDS
        facts = SetFacts(name=name, licence=SyntheticForms.licence, command="docexp bench data")
        sets[name] = write_shards(stored, folder / name.replace(" ", "_"), facts, shard_bytes=room + tarfile.BLOCKSIZE)
    return BenchSets(sets)


def repeated(index: Index, folder: Path, samples: int) -> Index:
    """An index of so many samples that names the pages of ``index`` again and again; tars are read where they lie."""
    rows = np.sort(np.resize(np.arange(len(index)), samples))
    table = np.array(index.table)[rows]
    shards = [replace(shard, name=str(index.path(number).resolve())) for number, shard in enumerate(index.shards)]
    contents = Contents(rows=range(samples), documents=len(index), words=int(table["words"].sum()), questions=0)
    folder.mkdir()
    stage_index(folder, index.facts, shards, {"train": contents}, table, adopted=True)
    commit_index(folder)
    return Index.open(folder)


def tars(index: Index) -> list[str]:
    """The paths of a set's tars."""
    return [str(index.path(number)) for number in range(len(index.shards))]
