"""DeepSpeed's ZeRO-2 under Lightning, with the loss scale, the checkpoints and the terminal of a plain run."""

import logging
import os
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import torch
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.accelerators import CPUAccelerator
from pytorch_lightning.plugins.precision import DeepSpeedPrecision
from pytorch_lightning.strategies import DDPStrategy, DeepSpeedStrategy, Strategy
from torch import Tensor

from docexp.training.divergence import RunDiverged
from docexp.training.strategies import zero_state
from docexp.training.strategies.settings import BACKENDS

DEVICES = {"cpu": "cpu", "gpu": "cuda"}
"""DeepSpeed's names."""

BUCKET = 100_000_000
"""Numbers that are averaged at once, more than any parameter here has. Two buffers of this size lie on every device."""

CONFIGS: dict[str, dict[str, Any]] = {
    "fp32": {},
    # autocast over fp32 parameters, as in one process. The list names modules whose gradients would be averaged in
    # bfloat16: none, as under DDP
    "bf16-mixed": {"torch_autocast": {"enabled": True, "dtype": "bfloat16", "lower_precision_safe_modules": []}},
    # micro-batches are summed and ranks averaged in fp32: in bfloat16 the eighth bit of a sum is its last
    "bf16-params": {
        "bf16": {"enabled": True},
        "data_types": {"grad_accum_dtype": "fp32"},
        "communication_data_type": "fp32",
    },
}
"""What each precision is in DeepSpeed's configuration."""


class ZeroPrecision(DeepSpeedPrecision):
    """Leaves the casting of parameters to DeepSpeed and of inputs to the backbones, and the loss as it is."""

    def __init__(self, precision: str) -> None:
        super().__init__("bf16-mixed" if precision == "bf16-params" else "32-true")

    def convert_input(self, data: Any) -> Any:
        """Inputs as they are: whole numbers, and pixels that backbones bring to their own type."""
        return data

    def backward(self, tensor: Tensor, model: LightningModule, optimizer: Any, *args: Any, **kwargs: Any) -> None:
        """Lightning has divided the loss by the accumulation; DeepSpeed, told nothing, would divide again."""
        super().backward(tensor, model, optimizer, *args, scale_wrt_gas=False, **kwargs)


class ZeroStrategy(DeepSpeedStrategy):
    """Shards optimiser states and gradients; saves and takes them whole, through docexp's own safe files.

    DeepSpeed's own checkpoints are pickles that it reads without restraint, and tied to the number of processes.

    Args:
        stage: of ZeRO.
        accelerator, precision, clip_norm: as in ``StrategySettings.build``.
    """

    def __init__(self, stage: int, accelerator: str, precision: str, clip_norm: float) -> None:
        _import_deepspeed(accelerator)
        super().__init__(
            # a whole configuration: Lightning would fill gaps from a file that the environment names
            config={
                "zero_optimization": {
                    "stage": stage,
                    "contiguous_gradients": True,
                    "overlap_comm": True,
                    "reduce_bucket_size": BUCKET,
                    "allgather_bucket_size": BUCKET,
                },
                "zero_allow_untested_optimizer": True,  # tested here: torch's AdamW and SGD
                "train_micro_batch_size_per_gpu": 1,  # the true one is for a meter that nobody reads
                # Lightning's Trainer is told of no clipping, so that RunModule leaves the shards of gradients alone
                "gradient_clipping": clip_norm,
                **CONFIGS[precision],
            },
            precision_plugin=ZeroPrecision(precision),  # pyright: ignore[reportArgumentType]
            process_group_backend=BACKENDS[accelerator],
        )
        self._frozen: dict[str, Tensor] = {}  # what has no master, in fp32

    def setup_environment(self) -> None:
        """As Lightning does on GPUs; on CPUs, which it refuses, the same with gloo."""
        if not isinstance(self.accelerator, CPUAccelerator):
            return super().setup_environment()
        assert self.parallel_devices is not None
        self.parallel_devices = [torch.device("cpu", number) for number in range(len(self.parallel_devices))]
        return DDPStrategy.setup_environment(self)

    def setup(self, trainer: Trainer) -> None:
        """Wraps the model, and gives fp32 masters the weights' full precision (DeepSpeed takes it from the copies)."""
        assert self.lightning_module is not None
        parameters = dict(self.lightning_module.named_parameters())
        first = {name: parameter.data for name, parameter in parameters.items()}
        self._frozen = {name: first[name] for name, parameter in parameters.items() if not parameter.requires_grad}
        super().setup(trainer)
        zero_state.set_weights(self._sharded, self._names, first)

    def init_deepspeed(self) -> None:
        """Wraps the model, without Lightning's warning that RunModule's clipping does nothing here: so it shall be."""
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Since DeepSpeed handles gradient clipping internally")
            super().init_deepspeed()

    def optimizer_step(self, optimizer: Any, closure: Callable[[], Any], model: Any = None, **kwargs: Any) -> Any:
        """One step.

        Raises:
            RunDiverged: gradients that are not finite, a step that DeepSpeed skips without a word.
        """
        result = super().optimizer_step(optimizer, closure, model, **kwargs)
        if self.deepspeed_engine.skipped_steps:
            assert self.lightning_module is not None
            raise RunDiverged(self.lightning_module.trainer.global_step + 1)
        return result

    def lightning_module_state_dict(self) -> dict[str, Any]:
        """The weights in fp32, whole on rank 0; called by all ranks."""
        state = super().lightning_module_state_dict()
        return {**state, **self._frozen, **zero_state.weights(self._sharded, self._names)}

    def optimizer_state(self, optimizer: Any) -> dict[str, Any]:
        """The state dict that torch's optimiser would have in one process, whole on rank 0; called by all ranks."""
        del optimizer
        return zero_state.optimizer_state(self._sharded)

    def save_checkpoint(self, checkpoint: dict[str, Any], filepath: Any, storage_options: Any = None) -> None:
        """Rank 0 writes, as without DeepSpeed."""
        Strategy.save_checkpoint(self, checkpoint, filepath, storage_options)

    def load_checkpoint(self, checkpoint_path: Any, weights_only: bool | None = None) -> dict[str, Any]:
        """Every rank reads the whole, through torch's safe unpickler."""
        return Strategy.load_checkpoint(self, checkpoint_path, weights_only)

    def load_model_state_dict(self, checkpoint: Mapping[str, Any], strict: bool = True) -> None:
        """The parameters, and the masters of this rank's part."""
        Strategy.load_model_state_dict(self, checkpoint, strict)
        self._frozen = {name: checkpoint["state_dict"][name] for name in self._frozen}
        zero_state.set_weights(self._sharded, self._names, checkpoint["state_dict"])

    @property
    def lightning_restore_optimizer(self) -> bool:
        """The optimiser's state is in docexp's file, not in DeepSpeed's."""
        return True

    def load_optimizer_state_dict(self, checkpoint: Mapping[str, Any]) -> None:
        """This rank's part of every state."""
        zero_state.set_optimizer_state(self._sharded, checkpoint["optimizer_states"][0])

    @property
    def _sharded(self) -> Any:
        return self.deepspeed_engine.optimizer

    @property
    def _names(self) -> dict[torch.nn.Parameter, str]:
        assert self.lightning_module is not None
        return {parameter: name for name, parameter in self.lightning_module.named_parameters()}


def _import_deepspeed(accelerator: str) -> None:
    """Imports it with the accelerator named and its words sent where other libraries' go: into ``log.txt``."""
    os.environ["DS_ACCELERATOR"] = DEVICES[accelerator]
    import deepspeed.ops  # adds a handler that prints

    logging.getLogger("DeepSpeed").handlers = logging.getLogger("pytorch_lightning").handlers
    # would be compiled at the first start, for about a minute; only inference uses it, training on a CPU uses gloo
    deepspeed.ops.__compatible_ops__["deepspeed_shm_comm"] = False
