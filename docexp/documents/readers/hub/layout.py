"""Pages as rows of a Hugging Face dataset, as ``docexp data export`` writes and the hub reader reads them.

A column for each field of a page; ``image`` is an Image feature, labels are ClassLabels, an annotation kind that a page
does not carry is null. ``fields`` become a list of names with values, since a table's columns are fixed.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from docexp.documents.images import inspect
from docexp.documents.page import ANNOTATION_KINDS, Page
from docexp.errors import DocexpError

if TYPE_CHECKING:
    from datasets import Features

OWN = frozenset({"id", "document_id", "number", "width", "height", "words", "word_boxes", "image", "lines"})
"""The columns of every export, by which it is known."""

LABELLED = {"entities": "entities", "relations": "relations", "regions": "regions"}


def page_features(annotations: Sequence[str], labels: Mapping[str, Sequence[str]]) -> "Features":
    """The columns and their types.

    Args:
        annotations: the kinds that pages carry.
        labels: label names of ``entities``, ``relations``, ``regions`` and ``document_class``.
    """
    from datasets import ClassLabel, Features, Image, List, Value

    text, whole, real = Value("string"), Value("int32"), Value("float64")
    kinds: dict[str, Any] = {kind: ClassLabel(names=list(names)) for kind, names in labels.items()}
    columns = {
        "id": text,
        "document_id": text,
        "number": whole,
        "width": real,
        "height": real,
        "image": Image(),
        "words": List(text),
        "word_boxes": List(List(real)),
        "lines": List(List(whole)),
    }
    others = {
        "entities": lambda: List({"label": kinds["entities"], "words": List(whole), "box": List(real), "id": text}),
        "relations": lambda: List({"head": whole, "tail": whole, "label": kinds["relations"]}),
        "document_class": lambda: kinds["document_class"],
        "document_tags": lambda: List(text),
        "questions": lambda: List({"id": text, "text": text, "answers": List(text), "kinds": List(text)}),
        "regions": lambda: List(
            {
                "label": kinds["regions"],
                "box": List(real),
                "area": real,
                "iscrowd": Value("bool"),
                "polygons": List(List(real)),
            }
        ),
        "reading_order": lambda: List(whole),
        "fields": lambda: List({"name": text, "values": List(text)}),
    }
    return Features(columns | {kind: others[kind]() for kind in ANNOTATION_KINDS if kind in annotations})


def page_row(page: Page, features: "Features") -> dict[str, Any]:
    """A page as a row of plain values, labels as numbers."""
    record = page.to_json()
    record["image"] = None if page.image is None else {"bytes": page.image, "path": None}
    for kind in LABELLED:
        for item in record.get(kind, ()):
            item["label"] = features[kind].feature["label"].str2int(item["label"])
    if "document_class" in record:
        record["document_class"] = features["document_class"].str2int(record["document_class"])
    if "fields" in record:
        record["fields"] = [{"name": name, "values": values} for name, values in record["fields"].items()]
    return {name: record.get(name) for name in features}


def row_page(row: Mapping[str, Any], features: "Features", where: str) -> Page:
    """The inverse of ``page_row``.

    Raises:
        DocexpError: the row is no page; ``where`` comes first.
    """
    record = {name: value for name, value in row.items() if value is not None and name != "image"}
    try:
        for kind in LABELLED:
            if kind in record:
                names = features[kind].feature["label"]
                record[kind] = [item | {"label": names.int2str(item["label"])} for item in record[kind]]
        if "document_class" in record:
            record["document_class"] = features["document_class"].int2str(record["document_class"])
        if "fields" in record:
            record["fields"] = {item["name"]: item["values"] for item in record["fields"]}
        image = row["image"]["bytes"] if row.get("image") else None
        kind = inspect(image, where)[0] if image is not None else "png"
        return Page.from_json(record, image, kind)
    except DocexpError as error:
        raise DocexpError(f"{where}: {str(error).removeprefix(f'{where}: ')}") from None
    except (TypeError, ValueError, KeyError, AttributeError, IndexError) as error:
        raise DocexpError(f"{where}: no row that docexp data export writes ({error!r}).") from None
