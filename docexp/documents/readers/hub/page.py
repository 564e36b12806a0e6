"""A row of somebody's dataset as a page."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from docexp.documents.geometry import Boxes, as_boxes
from docexp.documents.images import inspect
from docexp.documents.lines import derived_lines
from docexp.documents.ocr.values import box_array, stretched
from docexp.documents.page import ImageFormat, Page, Question
from docexp.documents.readers.hub.columns import Columns
from docexp.documents.readers.hub.scale import BoxScale
from docexp.documents.readers.reader import Report
from docexp.documents.reading.boxes import BoxRules, Repair
from docexp.documents.reading.tags import tagged_entities
from docexp.errors import DocexpError

PAPER = (1000.0, 1000.0)
"""The size that a page without an image is given, where its boxes are shares or thousandths of it."""


@dataclass(frozen=True)
class RowReader:
    """Makes pages of rows: ``columns`` say what is where, ``scale`` what boxes are measured in."""

    columns: Columns
    scale: BoxScale
    repair: Repair
    report: Report

    def page(self, row: Mapping[str, Any], page_id: str, where: str) -> Page:
        """The page of a row.

        Raises:
            DocexpError: a value that is no such thing, or a page that cannot be; ``where`` comes first.
        """
        values = {role: row[column] for role, column in self.columns.of.items()}
        image, kind, size = self._image(values, where)
        width, height = self._size(values, size, where)
        words = self._words(values, where)
        boxes = self._boxes(values, words, width, height, where)
        fields: dict[str, Any] = {}
        if values.get("tags") is not None:
            fields["entities"] = tagged_entities(self._tags(values["tags"], words, where), boxes, self.report)
        if values.get("document_class") is not None:
            fields["document_class"] = self.columns.label("document_class", values["document_class"], where)
        if values.get("question") is not None:
            fields["questions"] = (self._question(values, row, where),)
        self.report.note("empty words", sum(not word.strip() for word in words), one="empty word")
        return Page(
            id=page_id,
            document_id=self.text("document_id", row, where) or page_id,
            width=width,
            height=height,
            words=words,
            word_boxes=boxes,
            lines=derived_lines(words, boxes),
            image=image,
            image_format=kind,
            **fields,
        )

    def text(self, role: str, row: Mapping[str, Any], where: str) -> str:
        """The text of an id, be it a text or a number; empty where the row has none.

        Raises:
            DocexpError: it is something else.
        """
        value = row[self.columns.of[role]] if role in self.columns.of else None
        if value is not None and type(value) not in (str, int):
            raise DocexpError(f'{where}: "{self.columns.of[role]}" holds {str(value)[:40]!r}, which is no id.')
        return "" if value is None else str(value)

    def _image(
        self, values: Mapping[str, Any], where: str
    ) -> tuple[bytes | None, ImageFormat, tuple[float, float] | None]:
        image = values.get("image")
        if image is None:
            self.report.note("pages without their image", one="page without its image")
            return None, "png", None
        data = image_bytes(image)
        if data is None:
            raise DocexpError(
                f"{where}: the path of an image, not the image itself. Store images inside the dataset "
                "(save_to_disk and push_to_hub do)."
            )
        kind, width, height = inspect(data, where)
        return data, kind, (width, height)

    def _size(self, values: Mapping[str, Any], image: tuple[float, float] | None, where: str) -> tuple[float, float]:
        stated = values.get("width"), values.get("height")
        if all(type(value) in (int, float) for value in stated):
            return float(stated[0]), float(stated[1])  # type: ignore[arg-type]  # both are numbers
        if image:
            return image
        if self.scale == "pixels":
            raise DocexpError(f"{where}: boxes in pixels, but neither an image nor width and height.")
        return PAPER

    def _words(self, values: Mapping[str, Any], where: str) -> tuple[str, ...]:
        words = values.get("words")
        if words is None:
            return ()
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            raise DocexpError(f'{where}: "{self.columns.of["words"]}" is no list of texts.')
        return tuple(words)

    def _boxes(
        self, values: Mapping[str, Any], words: tuple[str, ...], width: float, height: float, where: str
    ) -> Boxes:
        if not words:
            return as_boxes([])
        if values.get("boxes") is None:
            raise DocexpError(f"{where}: words without boxes. Name their column: data.reader.columns.boxes=…")
        boxes = box_array(values["boxes"], len(words), f'{where}: "{self.columns.of["boxes"]}"')
        per = {"0..1000": 1000.0, "0..1": 1.0}.get(self.scale)
        if per is not None:
            boxes = stretched(boxes, (per, per), width, height)
        return BoxRules(width, height, self.repair, self.report).words(boxes, words, where)

    def _tags(self, tags: Any, words: tuple[str, ...], where: str) -> list[str]:
        if not isinstance(tags, list) or len(tags) != len(words):
            count = len(tags) if isinstance(tags, list) else "no"
            raise DocexpError(f'{where}: {len(words)} words but {count} tags ("{self.columns.of["tags"]}").')
        return [self.columns.label("tags", tag, where) for tag in tags]

    def _question(self, values: Mapping[str, Any], row: Mapping[str, Any], where: str) -> Question:
        text, answers = values["question"], values.get("answers")
        given = [answers] if isinstance(answers, str) else answers or []
        if not isinstance(text, str) or not isinstance(given, list) or not all(isinstance(one, str) for one in given):
            raise DocexpError(f"{where}: question and answers are to be a text and a list of texts.")
        return Question(self.text("question_id", row, where), text, tuple(given))


def image_bytes(image: Any) -> bytes | None:
    """The encoded image of a cell; ``None`` where it holds a path alone, or no image."""
    data = image.get("bytes") if isinstance(image, dict) else None
    return data if isinstance(data, bytes) else None
