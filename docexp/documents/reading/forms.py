"""Forms as FUNSD and XFUND annotate them: labelled entities with words, and links between them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from docexp.documents.geometry import Boxes, as_boxes
from docexp.documents.lines import derived_lines
from docexp.documents.page import Entity, Relation
from docexp.documents.readers.reader import Report
from docexp.documents.reading.boxes import BoxRules, around
from docexp.documents.reading.files import check_keys
from docexp.documents.reading.pages import PageText
from docexp.errors import DocexpError, nearest

FORM_LABELS = ("header", "question", "answer", "other")
"""The labels of both datasets."""


@dataclass
class FormParts:
    """What a form gives to its page: words with boxes ``[N, 4]``, entities, relations."""

    words: list[str] = field(default_factory=list)
    boxes: Boxes = field(default_factory=lambda: as_boxes([]))
    entities: list[Entity] = field(default_factory=list)
    relations: tuple[Relation, ...] = ()

    @property
    def text(self) -> PageText:
        """The words with the lines derived from them, as a page takes them."""
        return PageText(tuple(self.words), self.boxes, derived_lines(self.words, self.boxes))


def check_items(items: Sequence[Any], where: str) -> None:
    """Refuses entities that lack a key, hold a value of another type or an unknown label, or share an id.

    Raises:
        DocexpError: the first fault; ``where`` (the file, perhaps a document in it) comes first.
    """
    for number, item in enumerate(items):
        _check_item(item, f"{where}, entity {number}")
    repeated = [name for name, count in Counter(item["id"] for item in items).items() if count > 1]
    if repeated:
        raise DocexpError(f"{where}: two entities have the id {repeated[0]}.")


def form_parts(
    items: Sequence[dict[str, Any]], where: str, rules: BoxRules, glues: Sequence[str] = (" ",)
) -> FormParts:
    """The words, entities and relations of checked ``items``, in their order.

    Args:
        items: as ``check_items`` passes them.
        where: comes first in errors.
        rules: for the boxes; its report counts what is odd about texts and links.
        glues: what may stand between the words in an entity's text; Chinese and Japanese words have nothing there.

    Raises:
        DocexpError: a faulty box, or a link that does not name two entities.
    """
    parts = FormParts()
    boxes: list[Any] = []
    for number, item in enumerate(items):
        texts = [word["text"] for word in item["words"]]
        indices = tuple(range(len(parts.words), len(parts.words) + len(texts)))
        box = rules.box(item["box"], f"{where}, entity {number}")
        parts.entities.append(Entity(item["label"], indices, around(box), str(item["id"])))
        for place, word in enumerate(item["words"]):
            boxes.append(rules.box(word["box"], f'{where}, entity {number}, word {place} "{word["text"]}"'))
        parts.words += texts
        _note_texts(item["text"], texts, glues, rules.report)
    parts.boxes = as_boxes(boxes)
    parts.relations = _relations(items, where, rules.report)
    return parts


def _check_item(item: Any, where: str) -> None:
    kinds = {"box": list, "text": str, "label": str, "words": list, "linking": list, "id": int}
    check_keys(item, kinds, where)
    for place, word in enumerate(item["words"]):
        check_keys(word, {"box": list, "text": str}, f"{where}, word {place}")
    if item["label"] not in FORM_LABELS:
        close = nearest(item["label"], list(FORM_LABELS))
        hint = f" Nearest: {close[0]}." if close else ""
        raise DocexpError(f'{where}: label "{item["label"]}" is none of {", ".join(FORM_LABELS)}.{hint}')


def _relations(items: Sequence[dict[str, Any]], where: str, report: Report) -> tuple[Relation, ...]:
    index = {item["id"]: number for number, item in enumerate(items)}
    stored: Counter[tuple[int, int]] = Counter()
    for number, item in enumerate(items):
        for link in item["linking"]:
            ends = link if isinstance(link, list) else []
            if not (len(ends) == 2 and all(isinstance(end, int) and end in index for end in ends)):
                raise DocexpError(
                    f"{where}, entity {number}: link {link} does not name two entities of this form. "
                    f"Correct the file or take it from the archive."
                )
            stored[index[ends[0]], index[ends[1]]] += 1
    for count in stored.values():
        report.note("links stored twice merged", count // 2, one="link stored twice merged")
        report.note("links stored at one end only", count % 2, one="link stored at one end only")
        report.note("repeated links merged", (count + 1) // 2 - 1, one="repeated link merged")
    own = sum(head == tail for head, tail in stored)
    report.note("self links dropped", own, one="self link dropped")
    return tuple(Relation(head, tail) for head, tail in stored if head != tail)


def _note_texts(text: str, words: list[str], glues: Sequence[str], report: Report) -> None:
    note = report.note
    blank = sum(not word.strip() for word in words)
    note("empty words", blank, one="empty word")
    note("entities without words", blank == len(words), one="entity without words")
    note("words with a space inside", sum(len(word.split()) > 1 for word in words), one="word with a space inside")
    note(
        "words with a space at an end",
        sum(bool(word.strip()) and word != word.strip() for word in words),
        one="word with a space at an end",
    )
    joined = [glue.join(words) for glue in glues]
    if text not in joined:
        same = any(text.split() == other.split() for other in joined)
        what = "spaced otherwise than their words" if same else "that are not their words"
        note(f"entity texts {what}", one=f"entity text {what.replace('their', 'its').replace('are', 'is')}")
