"""What becomes of a damaged document in a collection of millions."""

from collections.abc import Callable, Iterator
from typing import Literal

from docexp.documents.page import Page
from docexp.documents.readers.reader import Report
from docexp.errors import DocexpError

Faults = Literal["error", "leave_out"]
"""``error`` stops at the first document with a fault, ``leave_out`` leaves such out whole, and counts them."""


def document_pages(
    read: Callable[[Report], Iterator[tuple[str, Page]]], faults: Faults, report: Report
) -> Iterator[tuple[str, Page]]:
    """The pages of a document that ``read`` gives, with their splits; none where it has a fault that may be left out.

    Args:
        read: takes the report to count in.
        faults: what to do with a fault.
        report: takes the counts of a document that is kept.

    Raises:
        DocexpError: the fault, under ``error``.
    """
    if faults == "error":
        yield from read(report)
        return
    own = Report()
    try:
        pages = list(read(own))
    except DocexpError:
        report.refuse("documents with a fault", one="document with a fault")
        return
    report.add(own)
    yield from pages
