"""What models, tasks and objectives need of pages, against what an index says its pages carry."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from docexp.errors import DocexpError
from docexp.shards.index import Index
from docexp.shards.members import IMAGE_SUFFIXES
from docexp.shards.read import ShardReader

IMAGES, LINES = "images", "lines"
"""Besides the annotation kinds, what a page may lack."""

SETS_NAMED = 5
"""Of the data that would do, a refusal names so many."""


@dataclass(frozen=True)
class Need:
    """Something that makes inputs or targets, and what it needs of a page: annotation kinds, ``images``, ``lines``."""

    who: str
    """How messages call it: ``task tagging``, ``data.box_level=segment``."""
    kinds: frozenset[str]
    instead: str = ""
    """What to change so that it needs less, as a sentence; empty where nothing helps but other data."""


def check_needs(index: Index, needs: Iterable[Need], sets_with: Callable[[frozenset[str]], list[str]]) -> None:
    """Refuses pages that lack what is needed, from the index alone (and, for lines, its first page).

    Args:
        index: the pages.
        needs: who needs what.
        sets_with: names the choices of ``conf/data/`` whose pages carry some kinds.

    Raises:
        DocexpError: who needs what, what there is, and what to change.
    """
    carried = _carried(index)
    for need in needs:
        missing = need.kinds - carried
        if LINES in missing and ShardReader(index, complete=False).read(0).lines is not None:
            missing -= {LINES}  # the index does not count them
        if missing:
            raise DocexpError(_refusal(index, need, missing, carried, sets_with))


def check_stored_size(index: Index, side: int | None) -> None:
    """Refuses images that were stored smaller than a model sees them: what was taken away does not come back.

    Args:
        index: the pages.
        side: height and width of the images that the model sees; None when it sees none.

    Raises:
        DocexpError: both sizes, and what to change.
    """
    stored = index.facts.image_size
    if side is not None and stored is not None and stored < side:
        raise DocexpError(
            f"{index.where} stores page images at {stored} × {stored}, and model.image_size={side} would enlarge "
            f"them. Set model.image_size={stored}, or prepare the data with image_size={side} or none."
        )


def _carried(index: Index) -> set[str]:
    images = 0
    for contents in index.splits.values():
        images += sum(count for suffix, count in contents.members.items() if suffix in IMAGE_SUFFIXES)
    return {"words", *index.annotations} | ({IMAGES} if images and images >= len(index) else set())


def _refusal(
    index: Index,
    need: Need,
    missing: frozenset[str],
    carried: set[str],
    sets_with: Callable[[frozenset[str]], list[str]],
) -> str:
    lacking, names = " and ".join(sorted(missing)), sets_with(missing)
    sets = ", ".join(f"data={name}" for name in names[:SETS_NAMED])
    if len(names) > SETS_NAMED:
        sets += f" and {len(names) - SETS_NAMED} more (docexp train --help data)"
    sentences = [
        f"{need.who} needs {lacking}; {index.where} has {', '.join(sorted(carried))}.",
        need.instead,
        f"Data with {lacking}: {sets}." if sets else "",
    ]
    return " ".join(filter(None, sentences)) + f"\nSee: docexp data stats data.shards={index.where}"
