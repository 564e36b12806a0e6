"""Labels and annotation kinds that pages carry, against those that a configuration speaks of."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from docexp.shards.index import Index


@dataclass(frozen=True)
class Expected:
    """What a configuration says of a set.

    ``labels`` and ``outside`` are entity labels; ``annotations`` holds what the reader declares: each kind with its
    label names, if it has any. All may be empty, where nothing is known.
    """

    labels: Collection[str] = ()
    outside: Collection[str] = ()
    annotations: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def label_notes(index: Index, expected: Expected) -> Iterator[str]:
    """Entity labels that the pages carry and the configuration does not name, and the reverse; likewise kinds."""
    carried, named = set(index.names("entities")), {*expected.labels, *expected.outside}
    if carried - named:
        named_ones = ", ".join(expected.labels) or "none"
        yield (
            f"entities labelled {_list(carried - named)}, which neither data.labels ({named_ones}) "
            f"nor data.outside_labels ({', '.join(expected.outside) or 'none'}) name"
        )
    if named - carried and carried:
        yield f"no entity is labelled {_list(named - carried)}, which data.labels or data.outside_labels name"
    for kind, names in expected.annotations.items():
        if kind not in index.annotations:
            yield f"the reader gives {kind.replace('_', ' ')}, and no page carries any"
        elif kind in _NAMED and names:
            found = set(index.names(_NAMED[kind]))
            if found - set(names):
                yield f"{kind.replace('_', ' ')} named {_list(found - set(names))}, which the reader does not declare"
            if set(names) - found and kind != "entities":
                yield f"no {kind.replace('_', ' ')} named {_list(set(names) - found)}, which the reader declares"


_NAMED = {
    "entities": "entities",
    "relations": "relations",
    "regions": "regions",
    "document_class": "document_classes",
}
"""Annotation kinds whose names an index counts, and how it calls them."""


def _list(names: Collection[str]) -> str:
    ordered = sorted(names)
    return ", ".join(ordered[:8]) + (f" and {len(ordered) - 8:,} more" if len(ordered) > 8 else "")
