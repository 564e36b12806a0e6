"""How a run is optimised, for how long, and on what. Imports no torch."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from docexp.errors import DocexpError
from docexp.settings import AtLeast0, AtLeast1, NotNegative, Positive, Settings, Share, ShareBelow1
from docexp.training.strategies.settings import DDPSettings, StrategySettings

if TYPE_CHECKING:
    from torch.optim import Optimizer


@dataclass(kw_only=True)
class OptimSettings(Settings, ABC):
    """An optimiser with its learning-rate schedule."""

    lr: Positive
    """The learning rate after warm-up."""
    weight_decay: NotNegative = 0.01
    """Decay of weights; biases and normalisation weights are never decayed."""
    schedule: Literal["linear", "cosine", "constant"] = "linear"
    """After warm-up: ``linear`` or ``cosine`` decay to 0 at the last step, or ``constant``."""
    warmup_steps: AtLeast0 = 0
    """Steps over which the rate rises linearly from 0."""
    warmup_fraction: Share = 0.0
    """The same as a share of ``trainer.max_steps``; only one of the two may be set."""
    text_lr_factor: Positive = field(default=1.0, metadata={"added_default": 1.0})
    """What the rate is multiplied by for the text side of the model: what a text model's weights could give (word,
    position and type embeddings and the layers of the encoder)."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.warmup_steps and self.warmup_fraction:
            raise DocexpError(
                f"warmup_steps={self.warmup_steps} and warmup_fraction={self.warmup_fraction} are both set: "
                "set one of them to 0"
            )

    def warmup(self, max_steps: int) -> int:
        """Warm-up in steps."""
        return self.warmup_steps or round(self.warmup_fraction * max_steps)

    @abstractmethod
    def build(self, groups: list[dict[str, Any]]) -> "Optimizer":
        """The optimiser over parameter groups that carry their own weight decay."""


@dataclass(kw_only=True)
class AdamWSettings(OptimSettings):
    """AdamW (Loshchilov and Hutter 2019) in torch's fused form."""

    betas: list[ShareBelow1] = field(default_factory=lambda: [0.9, 0.999])
    """Decay rates of the two moments."""
    eps: Positive = 1e-8
    """Added to the root of the second moment."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.betas) != 2:
            raise DocexpError(f"betas={self.betas} must be two numbers, as in [0.9,0.999]")

    def build(self, groups: list[dict[str, Any]]) -> "Optimizer":
        """Fused AdamW: on a CPU 4 to 5 times as fast as torch's default."""
        from torch.optim import AdamW

        return AdamW(groups, lr=self.lr, betas=(self.betas[0], self.betas[1]), eps=self.eps, fused=True)


@dataclass(kw_only=True)
class SGDSettings(OptimSettings):
    """Plain stochastic gradient descent: the optimiser that shows a wrong loss scale, which AdamW hides."""

    momentum: ShareBelow1 = 0.0
    """Share of the last step's direction that is kept."""

    def build(self, groups: list[dict[str, Any]]) -> "Optimizer":
        """torch's SGD."""
        from torch.optim import SGD

        return SGD(groups, lr=self.lr, momentum=self.momentum)


@dataclass(kw_only=True)
class TrainerSettings(Settings):
    """How long a run lasts and what happens on the way. Budgets are in optimiser steps."""

    max_steps: AtLeast1
    """Optimiser steps in all."""
    global_batch: AtLeast1
    """Samples in an optimiser step, over all ranks and micro-batches."""
    validate_every: AtLeast0 = 0
    """Steps between validations; 0 never validates."""
    checkpoint_every: AtLeast1 = 100
    """Steps between checkpoints; a killed run starts again from the newest. The last step always has one."""
    log_every: AtLeast1 = 10
    """Steps between lines in ``metrics.jsonl``."""
    clip_norm: NotNegative = 1.0
    """Gradients are scaled down to this norm over all parameters; 0 does not clip."""
    selection: Literal["last", "best_minival", "best_test"] = "last"
    """Which checkpoint is scored: the ``last``, or the best of the validations on minival (``best_minival``) or on the
    test split (``best_test``: how the papers do it on FUNSD, and marked in every result)."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.selection != "last" and not self.validate_every:
            raise DocexpError(f"selection={self.selection} needs validations: set validate_every, or selection=last")


@dataclass(kw_only=True)
class HardwareSettings(Settings):
    """The one place for devices, precision and memory. Only ``precision`` is part of a run's identity."""

    accelerator: Literal["cpu", "gpu"] = "cpu"
    """``cpu`` or ``gpu``."""
    nodes: AtLeast1 = 1
    """Machines, each with ``devices``; more than one only under Slurm, whose tasks are the processes."""
    devices: AtLeast1 = 1
    """Processes on a machine, one to a device. More than one in all share the training as ``strategy`` says; outside
    Slurm they start under torchrun."""
    strategy: StrategySettings | None = None
    """How devices share the training; unset: a plain process on one device, averaged gradients (DDP) on several."""
    precision: Literal["fp32", "bf16-mixed", "bf16-params"] = "fp32"
    """``fp32``; ``bf16-mixed``: fp32 weights, matrix products in bfloat16; or, under DeepSpeed alone, ``bf16-params``:
    parameters, activations and their gradients in bfloat16; gradients summed, weights kept and optimised in fp32."""
    micro_batch: AtLeast1 | None = None
    """Samples that a device holds at once; unset: the whole share of the global batch, without accumulation."""
    evaluation_batch: AtLeast1 = 8
    """Samples that a device holds at once in evaluation."""
    gradient_checkpointing: bool = False
    """Recompute activations in the backward pass: less memory, about a third more time."""
    threads: AtLeast1 | None = None
    """CPU threads per process; unset: torch's choice. Sums depend on it, so results are bit-equal only at one count."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.precision not in self.sharing.precisions:
            raise DocexpError(
                f"{self.strategy_name} does not compute in precision={self.precision}, only in "
                f"{' or '.join(self.sharing.precisions)}. Use one of these, or hardware=deepspeed_zero2."
            )

    @property
    def sharing(self) -> StrategySettings:
        """The strategy, also where none is set."""
        return self.strategy or DDPSettings()

    @property
    def strategy_name(self) -> str:
        """How ``environment.json`` calls what shares the training."""
        return "single device" if self.ranks == 1 and self.sharing == DDPSettings() else self.sharing.name

    @property
    def ranks(self) -> int:
        """Processes on all machines."""
        return self.nodes * self.devices

    def micro(self, global_batch: int) -> int:
        """Samples per device and micro-batch."""
        return self.micro_batch or -(-global_batch // self.ranks)

    def accumulation(self, global_batch: int) -> int:
        """Micro-batches per optimiser step on each device."""
        return global_batch // (self.ranks * self.micro(global_batch))

    def check_batch(self, global_batch: int) -> None:
        """Refuses a global batch that devices and micro-batches do not divide."""
        share = self.ranks * self.micro(global_batch)
        if global_batch % share:
            nodes = ("hardware.nodes × ", f"{self.nodes} × ") if self.nodes > 1 else ("", "")
            raise DocexpError(
                f"trainer.global_batch={global_batch} is no multiple of {nodes[0]}hardware.devices × "
                f"hardware.micro_batch ({nodes[1]}{self.devices} × {self.micro(global_batch)}). Change one of them."
            )

    def check_one_machine(self) -> None:
        """Refuses several nodes where no scheduler has started processes on them."""
        if self.nodes > 1:
            raise DocexpError(
                f"hardware.nodes={self.nodes}: more than one node needs Slurm. Use -m hydra/launcher=slurm, or "
                "hardware.nodes=1."
            )

    def check_present(self) -> None:
        """Refuses hardware that this machine does not have."""
        if self.accelerator == "gpu":
            import torch

            found = torch.cuda.device_count()
            if found < self.devices:
                raise DocexpError(
                    f"hardware needs {self.devices} GPU{'s' * (self.devices > 1)}, this machine has {found}. "
                    "Use hardware=cpu, or fewer hardware.devices."
                )
