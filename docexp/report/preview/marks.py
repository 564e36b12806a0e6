"""What objectives did to a window, as marks on its page: boxes in page pixels, each with a label and a hint."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from docexp.documents.geometry import union
from docexp.inputs.sample import IGNORED
from docexp.inputs.tokenizer import Tokenizer
from docexp.report.preview.watch import Seen

Mark = dict[str, Any]
"""``box``, ``label``, ``said``: what the script in the file draws."""

SCALE = 1000
"""What boxes of windows are normalised to."""


def hidden_tokens(seen: Seen, tokenizer: Tokenizer) -> list[Mark]:
    """Every hidden token: what it is, and what the model is shown in its place."""
    spelling = {number: token for token, number in tokenizer.vocab.items()}

    def mark(place: int) -> tuple[str, str]:
        own, shown = int(seen.before.input_ids[place]), int(seen.window.input_ids[place])
        label = "mask" if shown == tokenizer.mask_id else "kept" if shown == own else "random"
        return label, f"{spelling[own]} → {spelling[shown]} ({label})"

    return _tokens(seen, seen.record.text_masked, mark)


def covered_lines(seen: Seen) -> list[Mark]:
    """Every line that is covered in the image, as far as it is in the window; a word of no line is one of its own."""
    line, word = seen.window.line_index, seen.window.word_index
    owner = np.where(line < 0, -1 - word, line)
    lines = [np.unique(word[seen.record.covered & (owner == own)]) for own in np.unique(owner[seen.record.covered])]
    page = seen.visit.page
    return [
        {
            "box": _rounded(union(page.word_boxes[words])),
            "label": "covered",
            "said": f"covered: {' '.join(page.words[number] for number in words)}",
        }
        for words in lines
    ]


def classes_of_tokens(seen: Seen, target: NDArray[np.int64], names: tuple[str, ...]) -> list[Mark]:
    """Every token with a target of a few named classes ``[T]``."""
    return _tokens(seen, target != IGNORED, lambda place: (names[target[place]], names[target[place]]))


def hidden_patches(seen: Seen, grid: int) -> list[Mark]:
    """Every patch of ``grid × grid`` that the model does not see."""
    mask, page = seen.window.patch_mask, seen.visit.page
    if mask is None:
        return []
    x0, y0, x1, y1 = np.array(seen.part or (0, 0, 1, 1)) * [page.width, page.height, page.width, page.height]
    wide, high = (x1 - x0) / grid, (y1 - y0) / grid
    return [
        {
            "box": _rounded([x0 + column * wide, y0 + row * high, x0 + (column + 1) * wide, y0 + (row + 1) * high]),
            "label": "hidden",
            "said": f"patch {row}, {column} (row, column): hidden",
        }
        for row, column in zip(*np.divmod(np.flatnonzero(mask), grid), strict=True)
    ]


def seen_boxes(seen: Seen) -> list[Mark]:
    """The boxes that the model is given, each once, with how many tokens have it."""
    text, page = seen.window.word_index >= 0, seen.visit.page
    boxes, counts = np.unique(seen.window.bbox[text], axis=0, return_counts=True)
    scale = np.array([page.width, page.height] * 2) / SCALE
    return [
        {"box": _rounded(box * scale), "label": "box", "said": f"{', '.join(map(str, box))}\n{count} tokens"}
        for box, count in zip(boxes, counts, strict=True)
    ]


def _tokens(seen: Seen, which: NDArray[np.bool_], mark: Callable[[int], tuple[str, str]]) -> list[Mark]:
    """Marks of tokens; each has its share of its word's width, in the order of the word's tokens."""
    page, word = seen.visit.page, seen.window.word_index
    marks = []
    for place, box in _shares(page.word_boxes, word):
        if which[place]:
            label, said = mark(place)
            marks.append({"box": _rounded(box), "label": label, "said": f"{said}\n{page.words[word[place]]}"})
    return marks


def _shares(word_boxes: NDArray[np.float64], word: NDArray[np.int64]) -> Iterator[tuple[int, list[float]]]:
    """Each text token's place in the window, and its part of its word's box."""
    places = np.flatnonzero(word >= 0)
    _, first, inverse, counts = np.unique(word[places], return_index=True, return_inverse=True, return_counts=True)
    for number, (place, own) in enumerate(zip(places, inverse, strict=True)):
        x0, y0, x1, y1 = word_boxes[word[place]]
        before, share = number - first[own], (x1 - x0) / counts[own]
        yield int(place), [x0 + before * share, y0, x0 + (before + 1) * share, y1]


def _rounded(box: Any) -> list[float]:
    return [round(float(edge), 1) for edge in box]
