"""How fast pages are read and made into batches, against the ``webdataset`` library and transformers' processor.

Everything is measured in one process on one thread, in CPU time, in alternating order, from the same tars.
"""

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property, partial
from itertools import islice
from typing import Any

import numpy as np
import torch
from PIL import Image

from docexp.bench.data_sets import FULL, JPEG, PNG, BenchSets, tars
from docexp.bench.data_settings import DataBenchSettings
from docexp.bench.timing import Clock, Timing, alternate, threads
from docexp.errors import DocexpError
from docexp.inputs.batch import Batch
from docexp.inputs.byte_level_bpe import ByteLevelBPE
from docexp.inputs.collate import collate
from docexp.inputs.layoutlmv3 import LayoutLMv3Encoder
from docexp.inputs.sample import Sample
from docexp.inputs.tokenizer import Tokenizer
from docexp.inputs.train_tokenizer import train_tokenizer
from docexp.shards.index import Index
from docexp.shards.order import Order
from docexp.shards.read import ShardReader

VOCABULARY = 4096
SEED = 0
WEBDATASET, DOCEXP = "webdataset, in the tars' order", "docexp, shuffled"
PLAIN = "webdataset and transformers, full-size JPEG"


@dataclass(kw_only=True)
class DataResult:
    """What was measured; every timing is of all pages."""

    pages: int
    sample_bytes: dict[str, int] = field(default_factory=dict)
    """Mean size of a sample by set."""
    raw: dict[str, dict[str, Timing]] = field(default_factory=dict)
    """By set: samples as bytes, by webdataset and by docexp."""
    path: dict[str, Timing] = field(default_factory=dict)
    """Pages to batches, by who does it and from which set."""
    equal: dict[str, int] = field(default_factory=dict)
    """Pages whose token ids were found equal: with and without the word cache, and to transformers'."""
    memory: list[tuple[int, int]] = field(default_factory=list)
    """Samples read so far, and bytes that the process then held."""


class Uncached(ByteLevelBPE):
    """A tokenizer that remembers no word."""

    @cached_property
    def encode_word(self) -> Callable[[str], tuple[int, ...]]:
        """The word's ids, computed every time."""
        return self._encode


def bench_data(sets: BenchSets, settings: DataBenchSettings, say: Callable[[str], None]) -> DataResult:
    """Measures everything but memory; ``say`` is told what is going on.

    Raises:
        DocexpError: token ids differ where they must not.
    """
    result = DataResult(pages=len(sets.sets[FULL]))
    clock = Clock("process", torch.device("cpu"))
    with threads(1):
        for name in (FULL, JPEG):
            say(f"raw samples, {name}")
            index = sets.sets[name]
            works = {WEBDATASET: partial(_webdataset_samples, index), DOCEXP: partial(_shuffled_samples, index)}
            result.raw[name] = alternate(works, settings.repeats, clock)
            result.sample_bytes[name] = sets.sample_bytes(name)
        result.sample_bytes[PNG] = sets.sample_bytes(PNG)
        say("equality of token ids")
        contestants, result.equal = _contestants(sets, settings)
        say("pages to batches")
        result.path = alternate(contestants, settings.repeats, clock)
    return result


def shuffled(index: Index, batch: int, epoch: int = 0) -> Iterator[list[int]]:
    """The rows of every batch of an epoch, in training's order."""
    rows = index.split("+".join(index.splits))
    order = Order(rows, index.shard_starts(rows), SEED, batch)
    for number in range(order.batches_per_epoch):
        yield order.batch(epoch, number).tolist()


def batches(reader: ShardReader, encoder: LayoutLMv3Encoder, size: int, epoch: int = 0) -> Iterator[Batch]:
    """An epoch as training's data workers make it: read, decode, tokenise, boxes, windows, collate."""
    for rows in shuffled(reader.index, size, epoch):
        samples = []
        for row in rows:
            page = reader.read(row)
            samples.append(Sample(reader.key(row), encoder.encode(page)))
        yield collate(samples, encoder.tokenizer.pad_id)


def _webdataset_samples(index: Index) -> None:
    for sample in _webdataset(index):
        assert sample["json"]


def _webdataset(index: Index) -> Iterator[dict[str, Any]]:
    from webdataset.compat import WebDataset

    return iter(WebDataset(tars(index), shardshuffle=False))


def _shuffled_samples(index: Index) -> None:
    reader = ShardReader(index)
    for rows in shuffled(index, 256):
        for row in rows:
            assert reader.members(row)["json"]
    reader.close()


def _contestants(
    sets: BenchSets, settings: DataBenchSettings
) -> tuple[dict[str, Callable[[], object]], dict[str, int]]:
    """What makes batches, by name, and of how many pages their token ids are equal."""
    full = ShardReader(sets.sets[FULL])
    tokenizer = train_tokenizer((list(full.read(row).words) for row in range(len(full.index))), VOCABULARY)
    cached = LayoutLMv3Encoder(tokenizer=tokenizer, image_size=settings.size)
    uncached = LayoutLMv3Encoder(tokenizer=Uncached(tokenizer.vocab, tokenizer.merges), image_size=settings.size)
    plain = PlainPath(sets.sets[FULL], tokenizer, settings)
    works: dict[str, Callable[[], object]] = {PLAIN: plain.run}
    for name in (FULL, JPEG, PNG):
        for encoder, how in ((uncached, "without the word cache"), (cached, "with it")):
            works[f"docexp, {name}, {how}"] = partial(_exhaust, ShardReader(sets.sets[name]), encoder, settings.batch)
    return works, _equal_ids(full, cached, uncached, plain)


def _exhaust(reader: ShardReader, encoder: LayoutLMv3Encoder, size: int) -> None:
    for _ in batches(reader, encoder, size):
        pass


def _equal_ids(
    reader: ShardReader, cached: LayoutLMv3Encoder, uncached: LayoutLMv3Encoder, plain: "PlainPath"
) -> dict[str, int]:
    """Compares the token ids of every page; those of transformers where a page is one window."""
    whole = 0
    for row in range(len(reader.index)):
        page = reader.read(row)
        ids = [[window.input_ids.tolist() for window in encoder.encode(page)] for encoder in (cached, cached, uncached)]
        if not ids[0] == ids[1] == ids[2]:
            raise DocexpError(f"page {page.id}: token ids with the word cache are not those without it")
        if len(ids[0]) == 1:
            theirs = plain.encode([list(page.words)], [plain.boxes(page.to_json())])["input_ids"][0].tolist()
            if theirs[: len(ids[0][0])] != ids[0][0]:
                raise DocexpError(f"page {page.id}: token ids are not those of transformers")
            whole += 1
    return {"with and without the word cache": len(reader.index), "docexp and transformers": whole}


class PlainPath:
    """What a training script does with the libraries alone: webdataset's stream, Pillow, transformers' processors."""

    def __init__(self, index: Index, tokenizer: Tokenizer, settings: DataBenchSettings) -> None:
        import tempfile

        from transformers import LayoutLMv3Tokenizer
        from transformers.models.layoutlmv3.image_processing_pil_layoutlmv3 import LayoutLMv3ImageProcessorPil

        side = {"height": settings.size, "width": settings.size}
        self._index, self._batch = index, settings.batch
        self._images: Any = LayoutLMv3ImageProcessorPil(
            apply_ocr=False, do_normalize=False, do_rescale=False, size=side
        )
        with tempfile.TemporaryDirectory() as folder:
            tokenizer.save(folder)
            self._tokenizer: Any = LayoutLMv3Tokenizer.from_pretrained(folder)

    def run(self) -> None:
        """All pages to batches."""
        stream = _webdataset(self._index)
        while samples := list(islice(stream, self._batch)):
            records = [json.loads(sample["json"]) for sample in samples]
            self.encode([record["words"] for record in records], [self.boxes(record) for record in records])
            images = [Image.open(io.BytesIO(sample["jpg"])).convert("RGB") for sample in samples]
            torch.from_numpy(np.stack(self._images(images)["pixel_values"]))

    def boxes(self, record: dict[str, Any]) -> list[list[int]]:
        """Boxes 0..1000, by the published arithmetic."""
        width, height = record["width"], record["height"]
        return [
            [int(1000 * x0 / width), int(1000 * y0 / height), int(1000 * x1 / width), int(1000 * y1 / height)]
            for x0, y0, x1, y1 in record["word_boxes"]
        ]

    def encode(self, words: list[list[str]], boxes: list[list[list[int]]]) -> Any:
        """Token ids and boxes as tensors, padded to the longest page."""
        return self._tokenizer(words, boxes=boxes, padding=True, truncation=True, max_length=512, return_tensors="pt")
