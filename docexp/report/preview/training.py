"""Pages as pretraining sees them: what the preview draws over a page's annotations."""

import base64
import io
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from docexp.inputs.encoder import PageEncoder
from docexp.inputs.sample import IGNORED
from docexp.objectives.settings import ObjectiveSettings
from docexp.report.preview.marks import (
    Mark,
    classes_of_tokens,
    covered_lines,
    hidden_patches,
    hidden_tokens,
    seen_boxes,
)
from docexp.report.preview.watch import Seen, seen
from docexp.runs.resolve import ResolvedRun
from docexp.training.build import build_maker


def training_record(run: ResolvedRun, epoch: int) -> Callable[[int], dict[str, Any]]:
    """Gives of a row what training makes of it in an epoch, for the script in the file.

    Raises:
        DocexpError: (the function that is returned) the page cannot be read, encoded or corrupted.
    """
    maker, settings = build_maker(run, run.corpora), run.settings

    def record(row: int) -> dict[str, Any]:
        found = seen(maker, row, epoch)
        return {
            "image": _picture(found, maker.encoder),
            "part": found.part,
            "facts": [
                ("seen", [f"as in epoch {epoch} with seed {settings.seed}", _which(found)]),
                ("image", [_image(found)]),
                *((name, [_count(found, name, own)]) for name, own in settings.objective.items()),
            ],
            "layers": [
                {"title": title, "kind": kind, "marks": marks}
                for title, kind, marks in _layers(found, run, settings.objective)
            ],
        }

    return record


def _layers(
    found: Seen, run: ResolvedRun, objectives: Mapping[str, ObjectiveSettings]
) -> Iterator[tuple[str, str, list[Mark]]]:
    """Title, kind and marks of each layer; every page of a run has the same ones."""
    writes = frozenset[str]().union(*(own.writes for own in objectives.values()))
    grid = run.settings.model.patch_grid
    if "patches_masked" in writes and grid is not None:
        yield "hidden patches", "patches", hidden_patches(found, grid)
    if run.settings.model.reads_text:
        yield "boxes as the model sees them", "outlines", seen_boxes(found)
    if "covered" in writes:
        yield "covered lines", "outlines", covered_lines(found)
    if "text_masked" in writes:
        yield "hidden tokens", "tokens", hidden_tokens(found, run.tokenizer)
    for name, own in objectives.items():
        if name in found.window.targets and own.class_names:
            yield f"{name}'s targets", "tokens", classes_of_tokens(found, found.window.targets[name], own.class_names)


def _which(found: Seen) -> str:
    return f"window {found.number + 1} of {found.windows}" if found.windows > 1 else "the page's only window"


def _image(found: Seen) -> str:
    shown = found.record.image
    if found.window.pixels is None:
        return "the model sees none"
    if shown is None:
        return "dropped"
    if shown is not found.visit:
        return f"replaced by that of {shown.page.id}"
    if found.part is None:
        return "the page's own"
    left, top, right, bottom = found.part
    return f"a part of the page's own, {100 * (right - left) * (bottom - top):.0f} % of it"


def _count(found: Seen, name: str, objective: ObjectiveSettings) -> str:
    """How many targets there are and of which class; of a target of the window as a whole, which it is."""
    window, names = found.window, objective.class_names
    target = window.targets.get(name)
    if target is not None:
        there = f"{_there(target)} of {int((window.word_index >= 0).sum()):,} tokens"
        counts = [f"{int((target == number).sum()):,} {label}" for number, label in enumerate(names)]
        return ": ".join(filter(None, (there, ", ".join(counts))))
    return objective.told(window.window_targets[name])


def _there(target: NDArray[Any]) -> str:
    return f"{int((target != IGNORED).sum()):,}"


def _picture(found: Seen, encoder: PageEncoder) -> str | None:
    """The image that the model is shown as a ``data:`` address, every pixel as it is."""
    pixels = found.window.pixels
    if pixels is None:
        return None
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(encoder.picture(pixels))).save(buffer, "PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
