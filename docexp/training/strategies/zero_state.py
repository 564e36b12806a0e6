"""ZeRO-2's sharded fp32 weights and optimiser states, to and from the form they have in one process.

DeepSpeed lays each parameter group's weights one after another in a flat tensor, cuts it into equal parts (the last
one padded) and gives every rank an fp32 part to optimise, its *master*. An optimiser's states of a master have its
shape. ``P`` parts of ``N`` numbers each.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch.nn import Parameter


@dataclass
class _Group:
    """A parameter group: its parameters with the places of their first numbers in the flat tensor, and the master."""

    parameters: list[tuple[Parameter, int]]
    flat: Tensor  # [P · N] in the precision of the parameters
    master: Tensor  # [N] fp32

    def whole(self, part: Tensor) -> dict[Parameter, Tensor]:
        """All ranks' ``part [N]``, by parameter and in its shape, on the CPU; empty on ranks other than 0."""
        part = part.detach().contiguous()
        main = dist.get_rank() == 0
        parts = [torch.empty_like(part) for _ in range(dist.get_world_size())] if main else None
        dist.gather(part, parts)
        if parts is None:
            return {}
        numbers = torch.cat([part.cpu() for part in parts])
        return {p: numbers[start : start + p.numel()].view(p.shape).clone() for p, start in self.parameters}

    def part(self, values: Mapping[Parameter, Tensor]) -> Tensor:
        """This rank's part ``[N]`` of values given by parameter."""
        numbers = torch.zeros(self.flat.numel(), dtype=self.master.dtype)
        for parameter, start in self.parameters:
            numbers[start : start + parameter.numel()] = values[parameter].detach().reshape(-1).cpu()
        first = dist.get_rank() * self.master.numel()
        return numbers[first : first + self.master.numel()].to(self.master.device)


def weights(sharded: Any, names: Mapping[Parameter, str]) -> dict[str, Tensor]:
    """The masters of all ranks, by name; empty on ranks other than 0. Called by all."""
    return {names[p]: value for group in _groups(sharded) for p, value in group.whole(group.master).items()}


@torch.no_grad()
def set_weights(sharded: Any, names: Mapping[Parameter, str], values: Mapping[str, Tensor]) -> None:
    """Gives this rank's masters their part of ``values``; the parameters themselves must hold the same already."""
    for group in _groups(sharded):
        group.master.copy_(group.part({p: values[names[p]] for p, _ in group.parameters}))


def optimizer_state(sharded: Any) -> dict[str, Any]:
    """The state dict of torch's optimiser over the same parameter groups in one process; {} on ranks other than 0.

    Called by all.
    """
    inner, state, groups, first = sharded.optimizer, {}, [], 0
    for number, group in enumerate(_groups(sharded)):
        own = inner.state[group.master]
        wholes = {key: group.whole(value) for key, value in own.items() if _sharded(value, group)}
        shared = {key: value for key, value in own.items() if not _sharded(value, group)}
        for place, (parameter, _) in enumerate(group.parameters, start=first):
            of_all = {key: value.clone() if isinstance(value, Tensor) else value for key, value in shared.items()}
            if of_all or wholes:
                state[place] = {**of_all, **{key: whole.get(parameter) for key, whole in wholes.items()}}
        places = list(range(first, first + len(group.parameters)))
        groups.append({**_without_parameters(inner.param_groups[number]), "params": places})
        first += len(group.parameters)
    return {"state": state, "param_groups": groups} if dist.get_rank() == 0 else {}


def set_optimizer_state(sharded: Any, whole: Mapping[str, Any]) -> None:
    """Gives this rank's optimiser its part of such a state dict."""
    state, groups = {}, []
    for number, (group, saved) in enumerate(zip(_groups(sharded), whole["param_groups"], strict=True)):
        states = [whole["state"].get(place, {}) for place in saved["params"]]
        state[number] = {
            key: group.part({p: own[key] for (p, _), own in zip(group.parameters, states, strict=True)})
            if isinstance(value, Tensor) and value.shape == group.parameters[0][0].shape
            else value
            for key, value in states[0].items()
        }
        groups.append({**_without_parameters(saved), "params": [number]})
    sharded.optimizer.load_state_dict({"state": state, "param_groups": groups})


def _groups(sharded: Any) -> Iterator[_Group]:
    triples = zip(sharded.bit16_groups, sharded.bit16_groups_flat, sharded.single_partition_of_fp32_groups, strict=True)
    for parameters, flat, master in triples:
        # parameters are views of the flat tensor: their addresses say where they stand, whatever the alignment
        places = [(p, (p.data_ptr() - flat.data_ptr()) // flat.element_size()) for p in parameters]
        yield _Group(places, flat, master)


def _sharded(value: Any, group: _Group) -> bool:
    return isinstance(value, Tensor) and value.shape == group.master.shape


def _without_parameters(group: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in group.items() if key != "params"}
