"""Small runs in fresh processes: forked from a server that has imported everything once, so that each starts at once."""

import multiprocessing
from collections.abc import Callable
from pathlib import Path

import pytest

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["docexp.training.run", "docexp.metrics.entity_f1", "transformers.models.layoutlmv3"])

SMALL = [
    "model.layers=1",
    "model.heads=2",
    "model.hidden_size=24",
    "model.ffn_size=32",
    "model.coordinate_size=4",
    "model.shape_size=4",
    "model.image_size=32",
    "model.rel_pos_init=normal",
    "model.tokenizer=data:300",
    "hardware.threads=1",
    "data.workers=0",
]
"""Overrides that make a LayoutLMv3 whose step takes milliseconds."""


@pytest.fixture(scope="session")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few synthetic forms in several uneven shards, below ``<folder>/synthetic_forms``."""
    from docexp.documents.readers.reader import Report
    from docexp.documents.synthetic.corpus import SyntheticForms
    from docexp.shards.index import SetFacts
    from docexp.shards.write import write_shards

    folder = tmp_path_factory.mktemp("shards")
    reader = SyntheticForms(train=22, validation=4, test=6)
    facts = SetFacts(name="synthetic forms", licence="none", command="docexp data prepare data=synthetic_forms")
    write_shards(reader.pages(None, Report()), folder / "synthetic_forms", facts, shard_bytes=200_000)
    return folder


@pytest.fixture
def start(tmp_path: Path, shards: Path) -> Callable[..., multiprocessing.Process]:
    """Starts ``docexp train`` with overrides in a process of its own; ``before`` runs in it first, to plant a death."""

    def begin(*words: str, runs: str = "runs", before: Callable[[], None] | None = None, again: bool = False):
        places = [f"paths.runs={tmp_path / runs}", f"paths.shards={shards}"]
        process = CONTEXT.Process(
            target=_train, args=([*SMALL, *places, *words], before, again, tmp_path / f"{runs}.out")
        )
        process.start()
        return process

    return begin


def _train(words: list[str], before: Callable[[], None] | None, again: bool, output: Path) -> None:
    import os
    import sys

    from docexp.cli import main

    file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(file, 1)
    os.dup2(file, 2)
    import docexp.models.layoutlmv3.relative_bias as r  # TEMPORARY

    r.local_table = getattr(r, "local_table", None)
    if before is not None:
        before()
    sys.argv = ["docexp"]
    main(["train", *words, *(["--again"] if again else [])])
