"""FUNSD from its files to tags and back: nothing is lost to the 512 tokens of a window."""

import io
import itertools
import random
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from seqeval.metrics.sequence_labeling import get_entities

from docexp.documents.page import Page
from docexp.documents.readers.funsd import FunsdReader
from docexp.documents.readers.reader import Report
from docexp.inputs.layout_encoder import page_pixels
from docexp.inputs.layoutlmv3 import LayoutLMv3Encoder
from docexp.inputs.tokenizer import Tokenizer
from docexp.inputs.train_tokenizer import train_tokenizer
from docexp.tasks.tags import align_tags, annotated_counts, bio_tags, merge_windows, scored_counts, word_tags

pytestmark = pytest.mark.real_data

LABELS, OUTSIDE = ["header", "question", "answer"], ["other"]
SUPPORT = {"train": {"header": 441, "question": 3253, "answer": 2732}}
SUPPORT["test"] = {"header": 119, "question": 1070, "answer": 809}


@pytest.fixture(scope="module")
def pages(real_data: Path) -> dict[str, list[Page]]:
    made: dict[str, list[Page]] = {"train": [], "test": []}
    for split, page in FunsdReader().pages(real_data / "funsd", Report()):
        made[split].append(page)
    return made


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    """Learnt from nothing that is in FUNSD, so that its words fall into many sub-words and pages into windows."""
    draw = random.Random(0)
    return train_tokenizer([["".join(draw.choices("etaoinshrdlu", k=5)) for _ in range(2000)]], 400)


@pytest.mark.parametrize("split", ["train", "test"])
def test_every_entity_with_a_word_is_scored(pages: dict[str, list[Page]], tokenizer: Tokenizer, split: str):
    encoder = LayoutLMv3Encoder(tokenizer=tokenizer, box_level="segment", image_size=None)
    names = bio_tags(LABELS)
    ids = {tag: number for number, tag in enumerate(names)}
    found, scored, longest = Counter(), Counter(), 0
    for page in pages[split]:
        windows, tags = encoder.encode(page), word_tags(page, LABELS, OUTSIDE)
        longest = max(longest, len(windows))
        merged = merge_windows([(w.word_index, w.starts_word, align_tags(w, tags, ids)) for w in windows])
        assert sorted(merged) == [word for word, text in enumerate(page.words) if text.strip()]
        found.update(label for label, _, _ in get_entities([names[merged[word]] for word in sorted(merged)]))
        scored.update(scored_counts(page, LABELS))
        assert all(window.bbox.min() >= 0 and window.bbox.max() <= 1000 for window in windows)
        assert all(len(window.input_ids) <= 512 for window in windows)
    assert longest > 1  # otherwise this would show nothing
    assert {label: found[label.upper()] for label in LABELS} == SUPPORT[split] == dict(scored)


def test_the_first_512_tokens_alone_lose_entities(pages: dict[str, list[Page]], tokenizer: Tokenizer):
    encoder = LayoutLMv3Encoder(tokenizer=tokenizer, image_size=None)
    seen = Counter()
    for page in pages["test"]:
        (first, *_) = encoder.encode(page)
        tags = word_tags(page, LABELS, OUTSIDE)
        kept = [str(tags[word]) for word in first.word_index[first.starts_word]]
        seen.update(label for label, _, _ in get_entities(kept))
    assert all(seen[label.upper()] < SUPPORT["test"][label] for label in LABELS)


def test_annotated_entities_are_all_counted(pages: dict[str, list[Page]]):
    counts = Counter(itertools.chain(*(Counter(annotated_counts(page, LABELS)).elements() for page in pages["test"])))
    assert counts == {"header": 122, "question": 1077, "answer": 821}


def test_real_pages_equal_transformers(pages: dict[str, list[Page]], tokenizer: Tokenizer, tmp_path: Path):
    from transformers import LayoutLMv3Tokenizer
    from transformers.models.layoutlmv3.image_processing_pil_layoutlmv3 import LayoutLMv3ImageProcessorPil

    tokenizer.save(tmp_path)
    stock = LayoutLMv3Tokenizer.from_pretrained(tmp_path)
    processor = LayoutLMv3ImageProcessorPil(apply_ocr=False, do_normalize=False, do_rescale=False)
    encoder = LayoutLMv3Encoder(tokenizer=tokenizer, image_size=None, max_tokens=100_000)
    for page in pages["test"][:10]:
        (window,) = encoder.encode(page)
        kept = [word for word, text in enumerate(page.words) if text.strip()]
        sizes = np.array([page.width, page.height] * 2)
        boxes = [[int(value) for value in 1000 * page.word_boxes[word] / sizes] for word in kept]
        expected = stock([page.words[word] for word in kept], boxes=boxes)
        assert window.input_ids.tolist() == expected.input_ids and window.bbox.tolist() == expected.bbox
        assert page.image is not None
        image = Image.open(io.BytesIO(page.image)).convert("RGB")
        assert np.array_equal(page_pixels(page, 224), processor(image)["pixel_values"][0])
