"""Which questions a document asks, which of them nobody can answer from its words, and how that is planted.

An answer is *missed* when the reader of the page (an OCR engine, say) did not get it: its words are in the image, but
they are not among the page's words, or one of them was misread. An extractive model, which can only point at words,
never gives such an answer. Shares are planted by counting, not by chance: of the first ``n`` questions of a split
exactly ``floor(n · share)`` are asked on another page than the one that holds the answer, and of those asked on their
own page, and of the others, exactly ``floor(n · missed)`` are missed.
"""

import itertools
import math
import random
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from docexp.documents.page import Page, Question
from docexp.documents.synthetic.leaf import Evidence, Leaf
from docexp.documents.synthetic.ocr import misread
from docexp.documents.synthetic.phrases import Phrases

ENOUGH = 8
"""Pieces of evidence that each page must have: its own four questions, and as many asked on other pages."""


@dataclass(frozen=True)
class Asked:
    """A question: on which page it is asked, on which its evidence stands, and whether the answer is missed."""

    page: int
    home: int
    evidence: Evidence
    missed: bool


def plan_questions(
    leaves: Sequence[Leaf], rng: random.Random, *, number: int, each: int, elsewhere: float, missed: float
) -> list[Asked]:
    """The questions of document ``number``, ``each`` to a page.

    Args:
        leaves: the document's pages.
        rng: which evidence is asked for.
        number: counts the documents of the split.
        each: questions asked on a page.
        elsewhere: the share of questions whose evidence stands on another page.
        missed: the share whose answer is missed.
    """
    pages = len(leaves)
    free = {home: [leaf.evidence[at] for at in _unique(leaves, home)] for home, leaf in enumerate(leaves)}
    for evidence in free.values():
        rng.shuffle(evidence)
    asked: list[Asked] = []
    for page in range(pages):
        for place in range(each):
            k = (number * pages + page) * each + place
            away = _count(k + 1, elsewhere) > _count(k, elsewhere)
            before = _count(k, elsewhere) if away else k - _count(k, elsewhere)
            hidden = _count(before + 1, missed) > _count(before, missed)
            others = [other for other in range(pages) if other != page]
            home = max(others, key=lambda other: (len(free[other]), rng.random())) if away else page
            asked.append(Asked(page, home, free[home].pop(), hidden))
    return asked


def unread_words(asked: Iterable[Asked], leaf: Leaf, home: int, rng: random.Random) -> dict[int, str]:
    """The words of page ``home`` that its reader missed: what it took them for, or "" where it saw none."""
    unread: dict[int, str] = {}
    for one in asked:
        if one.home != home or not one.missed:
            continue
        if rng.random() < 0.5:
            unread |= dict.fromkeys(one.evidence.answer, "")
        else:
            word = one.evidence.answer[rng.randrange(len(one.evidence.answer))]
            unread[word] = misread(leaf.words[word].text, random.Random(rng.random()))
    return unread


def question(one: Asked, leaves: Sequence[Leaf], phrases: Phrases, id: str) -> Question:
    """The question in words. Its kinds: ``field`` or ``cell``, and ``here`` or ``elsewhere``."""
    leaf = leaves[one.home]
    quotes = [leaf.text(words).rstrip(":") for words in one.evidence.quotes]
    if one.evidence.kind == "field":
        text = phrases.ask_field.format(key=quotes[0])
    else:
        text = phrases.ask_cell.format(column=quotes[0], row=quotes[1])
    place = "here" if one.page == one.home else "elsewhere"
    return Question(id, text, (leaf.text(one.evidence.answer),), (one.evidence.kind, place))


def holds(page: Page, answer: str) -> bool:
    """Whether the answer is a run of the page's words as they are stored."""
    wanted = answer.split()
    return any(list(page.words[at : at + len(wanted)]) == wanted for at in range(len(page.words) - len(wanted) + 1))


def enough(leaves: Sequence[Leaf]) -> bool:
    """Whether every page of a document has enough to ask about that stands nowhere else in it."""
    return all(len(_unique(leaves, home)) >= ENOUGH for home in range(len(leaves)))


def stay_unique(asked: Iterable[Asked], leaves: Sequence[Leaf]) -> bool:
    """Whether questions planned on other words are the only ones of their kind on these leaves too (those of a twin).

    Evidence is known by its words' numbers, which twins share.
    """
    unique = [[leaves[home].evidence[at] for at in _unique(leaves, home)] for home in range(len(leaves))]
    return all(one.evidence in unique[one.home] for one in asked)


def _count(n: int, share: float) -> int:
    return math.floor(n * share + 1e-9)


def _unique(leaves: Sequence[Leaf], home: int) -> list[int]:
    """Which evidence of a page is the only one of its document: neither its quotes nor its answer come twice."""
    runs = _runs(leaves)
    asked = Counter(tuple(map(leaf.text, one.quotes)) for leaf in leaves for one in leaf.evidence)
    leaf = leaves[home]
    return [
        at
        for at, one in enumerate(leaf.evidence)
        if runs[leaf.text(one.answer)] == 1 and asked[tuple(map(leaf.text, one.quotes))] == 1
    ]


def _runs(leaves: Sequence[Leaf]) -> Counter[str]:
    """How often each run of one or two words occurs in the lines of a document; answers are no longer."""
    return Counter(run for leaf in leaves for run in _short_runs(leaf))


def _short_runs(leaf: Leaf) -> Iterator[str]:
    for line in leaf.lines:
        texts = [leaf.words[word].text for word in line]
        yield from texts
        yield from (f"{one} {two}" for one, two in itertools.pairwise(texts))
