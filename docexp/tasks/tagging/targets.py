"""Pages to tag ids, in data workers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from docexp.documents.page import Page
from docexp.inputs.sample import Window
from docexp.tasks.tags import align_tags, annotated_counts, bio_tags, word_tags
from docexp.tasks.task import Targets

TAGS = "tags"
"""The name of this task's target in a batch."""


@dataclass(frozen=True)
class TaggingTargets(Targets):
    """A BIO tag on the first sub-word of every word; ``outside`` labels are tagged O."""

    labels: Sequence[str]
    outside: Sequence[str]

    def annotate(self, page: Page, windows: Sequence[Window]) -> Any:
        """Adds ``tags`` to every window; the reference holds the page's gold tags (blank words have none)."""
        tags = word_tags(page, self.labels, self.outside)
        ids = {tag: number for number, tag in enumerate(bio_tags(self.labels))}
        for window in windows:
            window.targets[TAGS] = align_tags(window, tags, ids)
        return {"tags": tags, "annotated": annotated_counts(page, self.labels)}
