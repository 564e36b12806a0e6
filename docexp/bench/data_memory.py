"""How much memory a process holds while it reads and prepares pages for two epochs."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

from docexp.bench.data import VOCABULARY, shuffled
from docexp.bench.data_settings import DataBenchSettings
from docexp.bench.memory import resident
from docexp.documents.page import Page
from docexp.inputs.collate import collate
from docexp.inputs.layoutlmv3 import LayoutLMv3Encoder
from docexp.inputs.sample import Sample
from docexp.inputs.train_tokenizer import train_tokenizer
from docexp.shards.index import Index
from docexp.shards.read import ShardReader

EPOCHS = 2
POINTS = 200
"""Measurements over all epochs."""

NEW_WORDS = 8
"""Words of each page that never came before: 65,536 are soon exceeded, so that the word cache must let go of some."""

Curve = list[tuple[int, int]]
"""Samples read so far, and bytes held then."""


def memory_curve(folder: Path, settings: DataBenchSettings) -> Curve:
    """Resident memory by samples, in a process that does nothing else; ``folder`` holds the index."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as other:
        return other.submit(_watched, folder, settings).result()


def _watched(folder: Path, settings: DataBenchSettings) -> Curve:
    import torch

    torch.set_num_threads(1)
    index = Index.open(folder)
    reader = ShardReader(index)
    first = [list(reader.read(row).words) for row in range(min(len(index), settings.pages))]
    encoder = LayoutLMv3Encoder(tokenizer=train_tokenizer(first, VOCABULARY), image_size=settings.size)
    every = max(1, EPOCHS * len(index) // POINTS)
    curve, read, due = [(0, resident("VmRSS"))], 0, every
    for epoch in range(EPOCHS):
        for rows in shuffled(index, settings.batch, epoch):
            pages = [_renewed(reader.read(row), read + number) for number, row in enumerate(rows)]
            collate([Sample(page.id, encoder.encode(page)) for page in pages], encoder.tokenizer.pad_id)
            read += len(rows)
            if read >= due:
                curve.append((read, resident("VmRSS")))
                due += every
    return curve


def _renewed(page: Page, number: int) -> Page:
    """The page with its first words replaced by some that no page had before."""
    new = tuple(f"{number}-{place}" for place in range(NEW_WORDS))
    return replace(page, words=(*new, *page.words[NEW_WORDS:])[: len(page.words)])


def growth(curve: Curve) -> tuple[int, int]:
    """Bytes held on average over the second quarter of the curve, and over its last: equal where memory is flat."""
    held = [size for _, size in curve]
    quarter = max(1, len(held) // 4)
    parts = held[quarter : 2 * quarter] or held, held[-quarter:]
    return round(sum(parts[0]) / len(parts[0])), round(sum(parts[1]) / len(parts[1]))


def draw(curve: Curve, file: Path) -> None:
    """The curve as a picture."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 3), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.plot([read / 1000 for read, _ in curve], [size / 2**20 for _, size in curve], linewidth=1.2)
    middle = curve[-1][0] / EPOCHS / 1000
    axes.axvline(middle, color="0.6", linewidth=0.8, linestyle=":")
    axes.text(middle, 0.02, " second epoch", color="0.4", fontsize=8, transform=axes.get_xaxis_transform())
    axes.set(xlabel="thousand samples read and prepared", ylabel="resident memory, MiB", xlim=(0, None), ylim=(0, None))
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(file, dpi=120)
