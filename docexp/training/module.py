"""The LightningModule: it wires backbone, task, loss scale and metrics together, and computes nothing itself."""

from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor
from torchmetrics import Metric

from docexp.inputs.batch import Batch
from docexp.inputs.skipping import SKIPPED
from docexp.models.backbone import Backbone
from docexp.tasks.task import Losses, Prediction, Task
from docexp.training.loss_scale import global_counts, scaled
from docexp.training.optim import parameter_groups, schedule, text_parameters
from docexp.training.settings import OptimSettings


class RunModule(pl.LightningModule):
    """A backbone with a task's head, trained with losses that are sums over the whole global step's counts."""

    def __init__(self, backbone: Backbone, task: Task, optim: OptimSettings, max_steps: int, seed: int) -> None:
        super().__init__()
        self.backbone, self.task = backbone, task
        self._optim, self._max_steps, self._seed = optim, max_steps, seed
        self._counts: dict[str, Tensor] = {}
        self.step_loss: Tensor | None = None
        """This rank's share of the running step's loss; summed over ranks it is the step's loss."""
        self.step_parts: dict[str, Tensor] = {}
        """The same for each loss of several, ``mlm/loss``, for the share of its targets that were hit,
        ``mlm/accuracy``, and for the shares of classes that have a name, ``wpa/aligned``."""
        self.skipped_in_step = 0
        """Pages that the running step does without, over all ranks."""
        self._metric: Metric = task.metric()
        self.predictions: list[Prediction] = []
        """Filled by ``test_step``: this rank's predictions."""
        self.pictures: dict[str, bytes] = {}
        """The same: pictures of this rank's first batch, by the name of their file."""

    def training_step(self, batch: Batch, batch_index: int) -> Tensor:
        """One micro-batch's share of the global step's loss."""
        del batch_index
        # dropout is a function of the position in the run, so that a resumed run draws what an undisturbed one draws
        torch.manual_seed(_mixed(self._seed, self.trainer.global_step, batch.micro_batch, self.trainer.global_rank))
        if batch.micro_batch == 0:
            self.backbone.begin_step(self.trainer.global_step)
            self._counts = global_counts(batch.step_counts, self.device)
            self.step_loss, self.step_parts = torch.zeros((), device=self.device), {}
            # asked for only where pages may be skipped: reading a number waits for the device
            self.skipped_in_step = int(self._counts[SKIPPED]) if SKIPPED in self._counts else 0
        losses = self.task.losses(self.task.encode(self.backbone, batch), batch)
        share = scaled(losses.sums, self._counts, losses.weights)
        self._count_parts(losses)
        assert self.step_loss is not None
        self.step_loss = self.step_loss + share.detach()
        # Lightning divides by the accumulation and every strategy averages over ranks: multiply both back
        return share * (self.trainer.world_size * self.trainer.accumulate_grad_batches)

    def _count_parts(self, losses: Losses) -> None:
        """Adds to ``step_parts``, unweighted, where a loss has company or tells its hits."""
        if len(losses.sums) == 1 and not losses.hits:
            return
        kinds = (("loss", losses.sums), ("accuracy", losses.hits))
        parts = {f"{target}/{kind}": part for kind, named in kinds for target, part in named.items()}
        for name, value in {**parts, **losses.classes}.items():
            share = value.detach() / self._counts[name.rpartition("/")[0]].clamp(min=1.0)
            self.step_parts[name] = self.step_parts.get(name, torch.zeros_like(share)) + share

    @property
    def step_targets(self) -> dict[str, Tensor]:
        """The running step's number of targets by name, over all ranks."""
        return {name: count for name, count in self._counts.items() if name != SKIPPED}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Counts the micro-batches of the steps before in this start's own: Lightning tells from them where steps end.

        They may be more or fewer than the checkpoint's, which was written with other devices or another micro-batch.
        """
        progress = checkpoint["loops"]["fit_loop"]["epoch_loop.batch_progress"]
        more = checkpoint["global_step"] * self.trainer.accumulate_grad_batches - progress["current"]["ready"]
        for counts in (progress["total"], progress["current"]):
            for name in counts:
                counts[name] += more

    def touch_parameters(self) -> Tensor:
        """0, scalar, that reaches every trainable parameter with a gradient of zeros, the last one first."""
        return torch.stack([parameter.sum() * 0 for parameter in self.parameters() if parameter.requires_grad]).sum()

    def configure_gradient_clipping(
        self, optimizer: Any, gradient_clip_val: Any = None, gradient_clip_algorithm: str | None = None
    ) -> None:
        """Clips by the norm over all parameters.

        Lightning's own way refuses fused optimisers under mixed precision, for the sake of fp16's loss scaling, which
        bf16 does without.
        """
        del optimizer, gradient_clip_algorithm
        if gradient_clip_val:
            torch.nn.utils.clip_grad_norm_(self.parameters(), gradient_clip_val)

    def validation_step(self, batch: Batch, batch_index: int) -> None:
        """Counts a batch into the metric."""
        del batch_index
        self.task.update(self._metric, self._predicted(batch))

    def on_validation_epoch_end(self) -> None:
        """Logs the metrics of all ranks' samples; every rank computes the same, so that all choose the same best."""
        self.log_dict({f"validation/{name}": value for name, value in self._metric.compute().items()})
        self._metric.reset()

    def test_step(self, batch: Batch, batch_index: int) -> None:
        """Keeps the predictions, and the first batch's pictures."""
        encoded = self.task.encode(self.backbone, batch)
        self.predictions += self.task.decode(encoded, batch)
        if batch_index == 0:
            self.pictures = self.task.pictures(encoded, batch)

    def _predicted(self, batch: Batch) -> list[Prediction]:
        return self.task.decode(self.task.encode(self.backbone, batch), batch)

    def configure_optimizers(self) -> Any:
        """The optimiser and its schedule, moved on every step."""
        optim = self._optim
        if optim.text_lr_factor == 1:
            groups = parameter_groups(self, optim.weight_decay)
        else:
            text = text_parameters(self.backbone)
            groups = parameter_groups(self, optim.weight_decay, text, optim.lr * optim.text_lr_factor)
        optimizer = optim.build(groups)
        rate = schedule(optimizer, self._optim, self._max_steps)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": rate, "interval": "step"}}


def _mixed(*parts: int) -> int:
    """One seed from several counters, different for different counters."""
    seed = 0
    for part in parts:
        seed = (seed * 0x9E3779B97F4A7C15 + part + 1) % (1 << 63)
    return seed
