"""The card of an exported dataset: what the hub shows of it."""

import json
from collections.abc import Mapping

from docexp.shards.contents import Contents
from docexp.shards.index import Index

SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"), (10**7, "1M<n<10M"))
"""The hub's names for numbers of rows."""


def dataset_card(index: Index) -> str:
    """The text of ``README.md``: where each split lies, the licence, and what was counted."""
    size = next((name for limit, name in SIZES if len(index) < limit), "10M<n<100M")
    header = [
        "---",
        f"pretty_name: {json.dumps(index.name, ensure_ascii=False)}",
        "license: other",
        f"license_name: {json.dumps(index.facts.licence, ensure_ascii=False)}",
        "size_categories:",
        f"- {size}",
        "configs:",
        "- config_name: default",
        "  data_files:",
    ]
    for split in index.splits:
        header += [f"  - split: {split}", f"    path: data/{split}-*"]
    parts = ["\n".join([*header, "---"]), f"# {index.name}", f"Licence: {index.facts.licence}.", _table(index)]
    parts += [_labels(index), _report(index.report), COLUMNS, f"Written by docexp {index.docexp} (data export)."]
    return "\n\n".join(part for part in parts if part) + "\n"


COLUMNS = """## Columns

A row is a page. `width` and `height` are those of the original image in pixels, and boxes are `x0, y0, x1, y1` in these
pixels, origin top left, even where a smaller image is stored. `lines` hold places in `words`; `document_id` groups the
pages of a document, `number` counts them from 0. An annotation that is null was never made, an empty one found
nothing."""


def _table(index: Index) -> str:
    kinds = ("entities", "relations", "regions")
    shown = [kind for kind in kinds if kind in index.annotations]
    shown += ["questions"] if "questions" in index.annotations else []
    head = ["split", "pages", "documents", "words", *shown]
    rows = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for split, contents in index.splits.items():
        cells = [split, *(f"{value:,}" for value in _counts(contents, shown))]
        rows.append("| " + " | ".join(cells) + " |")
    if "minival" in index.splits and "train" in index.splits:
        rows.append("\n`minival` are documents of the training split that are held out; `train` has the others.")
    return "\n".join(rows)


def _counts(contents: Contents, shown: list[str]) -> list[int]:
    found = {"questions": contents.questions}
    found |= {kind: sum(getattr(contents, kind).values()) for kind in ("entities", "relations", "regions")}
    return [contents.pages, contents.documents, contents.words, *(found[kind] for kind in shown)]


def _labels(index: Index) -> str:
    kinds = {
        "entities": "Entities",
        "relations": "Relations",
        "regions": "Regions",
        "document_classes": "Classes",
        "document_tags": "Tags of documents",
    }
    return "\n\n".join(
        f"{title}: {', '.join(index.names(kind))}." for kind, title in kinds.items() if index.names(kind)
    )


def _report(report: Mapping[str, Mapping[str, int]]) -> str:
    heads = {"kept": "Kept, with a note", "repaired": "Repaired", "refused": "Left out"}
    lines = [
        f"- {head}: {', '.join(f'{count:,} {name}' for name, count in report[kind].items())}"
        for kind, head in heads.items()
        if report.get(kind)
    ]
    return "\n".join(["When it was prepared:", "", *lines]) if lines else ""
