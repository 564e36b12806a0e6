"""The training pages that a run did without: counted over all ranks and starts, and bounded."""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import pytorch_lightning as pl
import torch.distributed as dist

from docexp.errors import DocexpError
from docexp.inputs.batch import Batch
from docexp.inputs.skipping import SkippedPage
from docexp.training.module import RunModule

SHOWN = 5
"""Of many faults, so many are told."""


class SkippedPages(pl.Callback):
    """Counts skipped pages by tar, and stops a run that skips too many.

    Whether a step skipped any is known from the counts that its ranks summed, hence the same on all of them: only then
    they exchange which pages. The counts are part of every checkpoint.

    Args:
        share: the pages that may be skipped, as a share of those drawn, or of an epoch's while fewer were drawn.
        epoch_pages: pages of an epoch.
        global_batch: pages of a step.
        note: told about every skipped page, on the rank that writes.
    """

    def __init__(self, share: float, epoch_pages: int, global_batch: int, note: Callable[[str], None]) -> None:
        self._share, self._epoch_pages, self._global_batch, self._note = share, epoch_pages, global_batch, note
        self.by_shard: dict[str, int] = {}
        self._mine: list[SkippedPage] = []

    def state_dict(self) -> dict[str, Any]:
        """The counts so far."""
        return {"by_shard": dict(self.by_shard)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Goes on from a saved state."""
        self.by_shard = dict(state_dict["by_shard"])

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Counts, after the last micro-batch of a step.

        Raises:
            DocexpError: more were skipped than may be, on every rank; names the tars and what to do.
        """
        assert isinstance(pl_module, RunModule) and isinstance(batch, Batch)
        self._mine += batch.skipped
        if (batch_idx + 1) % trainer.accumulate_grad_batches or not pl_module.skipped_in_step:
            return
        new = _of_all_ranks(self._mine)
        self._mine = []
        for page in new:
            self._note(f"skipped at step {trainer.global_step}: {page.reason}")
        self.by_shard = dict(sorted((Counter(self.by_shard) + Counter(page.shard for page in new)).items()))
        drawn = max(trainer.global_step * self._global_batch, self._epoch_pages)
        if sum(self.by_shard.values()) > self._share * drawn:
            reasons = "; ".join(page.reason for page in new[:SHOWN])
            raise DocexpError(
                f"{in_words(self.by_shard)}, more than data.max_skipped={self._share:g} of {drawn:,}. The last: "
                f"{reasons}\nMend the data, or raise data.max_skipped: the same command then goes on"
            )


def in_words(by_shard: Mapping[str, int]) -> str:
    """``skipped 3 pages: train-00001.tar 2, train-00004.tar 1``, the worst tars first."""
    total = sum(by_shard.values())
    worst = sorted(by_shard.items(), key=lambda item: (-item[1], item[0]))
    named = ", ".join(f"{shard} {count:,}" for shard, count in worst[:SHOWN])
    more = f" and {len(worst) - SHOWN:,} more tars" if len(worst) > SHOWN else ""
    return f"skipped {'1 page' if total == 1 else f'{total:,} pages'}: {named}{more}"


def _of_all_ranks(mine: list[SkippedPage]) -> list[SkippedPage]:
    everyone: list[Any] = [mine]
    if dist.is_available() and dist.is_initialized():
        everyone = [None] * dist.get_world_size()
        dist.all_gather_object(everyone, mine)
    return [page for pages in everyone for page in pages]
