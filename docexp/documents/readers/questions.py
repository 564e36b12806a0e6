"""Questions about page images: DocVQA's and InfographicVQA's question files."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from docexp.documents.page import Question
from docexp.documents.readers.files import check_keys, read_json
from docexp.documents.readers.reader import Report
from docexp.errors import DocexpError


@dataclass
class Asked:
    """An image, everything that is asked about it, and the first of those records."""

    split: str
    image: str
    where: str
    record: Mapping[str, Any]
    questions: list[Question] = field(default_factory=list)


class QuestionFiles:
    """Gathers the questions of several files by image, in the order of first mention."""

    def __init__(self, image_key: str, kinds: tuple[str, ...], report: Report) -> None:
        self._image_key, self._kinds, self._report = image_key, kinds, report
        self._asked: dict[str, Asked] = {}
        self._seen: dict[str, str] = {}

    def add(self, split: str, file: Path, *, hidden: bool) -> None:
        """The questions of a file; ``hidden`` says that none has answers, as in a test split.

        Raises:
            DocexpError: no question file; an id that came before; an image that another split asks about.
        """
        release = read_json(file)
        check_keys(release, {"data": list}, str(file))
        for number, record in enumerate(release["data"]):
            where = f"{file}, question {number}"
            check_keys(record, {self._image_key: str, "questionId": (int, str), "question": str}, where)
            question = self._question(record, where, hidden)
            before = self._seen.setdefault(question.id, where)
            if before != where:
                raise DocexpError(f"{where}: its questionId {question.id} came before: {before}. Remove one of them.")
            image = record[self._image_key]
            asked = self._asked.setdefault(image, Asked(split, image, where, record))
            if asked.split != split:
                raise DocexpError(
                    f"{where}: {image} has questions in {asked.split} ({asked.where}) and in {split}. "
                    "A page belongs to one split; remove the questions from one of the files."
                )
            asked.questions.append(question)

    def __iter__(self) -> Iterator[Asked]:
        return iter(self._asked.values())

    def _question(self, record: Mapping[str, Any], where: str, hidden: bool) -> Question:
        answers = _texts(record, "answers", where)
        if not answers and not hidden:
            self._report.note("questions without an answer", one="question without an answer")
        kinds = [kind for key in self._kinds for kind in _texts(record, key, where)]
        return Question(str(record["questionId"]), record["question"], answers, tuple(kinds))


def _texts(record: Mapping[str, Any], key: str, where: str) -> tuple[str, ...]:
    """The list of texts under a key that may be absent or null."""
    if record.get(key) is None:
        return ()
    check_keys(record, {key: list}, where)
    if not all(isinstance(text, str) for text in record[key]):
        raise DocexpError(f'{where}: "{key}" {str(record[key])[:80]} is no list of texts.')
    return tuple(record[key])
