"""Which column of a dataset holds what of a page, told by name and type."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from docexp.documents.readers.hub_layout import OWN
from docexp.errors import DocexpError, nearest

if TYPE_CHECKING:
    from datasets import Features

ROLES: dict[str, tuple[str, ...]] = {
    "id": ("id", "page_id", "image_id"),
    "document_id": ("document_id", "doc_id", "ucsf_document_id"),
    "image": ("image", "img"),
    "words": ("words", "tokens"),
    "boxes": ("bboxes", "boxes", "bbox", "word_boxes"),
    "tags": ("ner_tags", "tags", "labels", "label"),
    "document_class": ("document_class", "label", "labels", "category"),
    "question_id": ("question_id", "questionId"),
    "question": ("question", "query"),
    "answers": ("answers", "answer"),
    "width": ("width",),
    "height": ("height",),
}
"""What a column can hold, with the names that are tried for it in turn."""

_LISTS = {"words", "boxes", "tags"}


@dataclass(frozen=True)
class Columns:
    """The columns of a dataset: ``of`` gives the column of each role that has one; ``unread`` are the others."""

    of: Mapping[str, str]
    names: Mapping[str, tuple[str, ...]]
    """Label names of ``tags`` and ``document_class``, where numbers stand for them."""
    own: bool
    """Whether ``docexp data export`` wrote it."""
    unread: tuple[str, ...]

    def label(self, role: str, value: Any, where: str) -> str:
        """The text of a tag or class.

        Raises:
            DocexpError: a number without a name.
        """
        if isinstance(value, str):
            return value
        names = self.names.get(role, ())
        if type(value) is int and 0 <= value < len(names):
            return names[value]
        column = self.of[role]
        raise DocexpError(f'{where}: "{column}" holds {value!r} without a name. Give data.reader.label_names=[…].')


def find_columns(features: "Features", given: Mapping[str, str], label_names: list[str], where: str) -> Columns:
    """The column of each role: the one that ``given`` names, else the first of ``ROLES`` with a fitting type.

    Raises:
        DocexpError: ``given`` names no role or no column, or there are neither words nor images.
    """
    if set(features) >= OWN and not given:
        return Columns({}, {}, True, ())
    for role, column in given.items():
        if role not in ROLES:
            raise DocexpError(f"data.reader.columns.{role} is none of {', '.join(ROLES)}.{_near(role, list(ROLES))}")
        if column not in features:
            raise DocexpError(
                f"{where} has no column {column}, only {', '.join(features)}.{_near(column, list(features))}"
            )
    found: dict[str, str] = dict(given)
    for role in [role for role in ROLES if role not in given]:
        column = next((name for name in ROLES[role] if _free(name, role, features, found)), None)
        if column:
            found[role] = column
    if not {"words", "image"} & set(found):
        raise DocexpError(
            f"{where}: neither words nor images among its columns {', '.join(features)}. "
            "Name them: data.reader.columns.words=…"
        )
    labels = {role: _names(features[found[role]]) or tuple(label_names) for role in _LABELLED & set(found)}
    return Columns(found, labels, False, tuple(name for name in features if name not in found.values()))


_LABELLED = {"tags", "document_class"}


def _near(name: str, known: list[str]) -> str:
    close = nearest(name, known)
    return f" Nearest: {close[0]}." if close else ""


def _is_list(feature: Any) -> bool:
    return isinstance(feature, list) or type(feature).__name__ in ("List", "LargeList", "Sequence")


def _free(name: str, role: str, features: "Features", found: Mapping[str, str]) -> bool:
    """Whether a column is there for the role: of no other role, and of a fitting type."""
    if name not in features or name in found.values():
        return False
    if role == "answers":
        return True
    if role == "image":
        plain = features[name]  # without the dataset's own metadata, an image is a record with its bytes
        return type(plain).__name__ == "Image" or (isinstance(plain, dict) and "bytes" in plain)
    return _is_list(features[name]) == (role in _LISTS)


def _names(feature: Any) -> tuple[str, ...]:
    inner = feature
    while _is_list(inner):
        inner = inner[0] if isinstance(inner, list) else inner.feature
    return tuple(inner.names) if hasattr(inner, "names") else ()
