"""Measured steps as plain values for json, and as tables in Markdown, which read well in a terminal too."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import torch

from docexp.bench.machine import machine
from docexp.bench.settings import StepSettings
from docexp.bench.step import DOCEXP, STOCK, StepResult
from docexp.bench.timing import Timing

Rows = Sequence[tuple[str, str, StepResult]]
"""Precision, variant, and what was measured."""

MEBIBYTE = 2**20


def as_json(command: str, settings: StepSettings, device: torch.device, rows: Rows) -> dict[str, Any]:
    """Everything that was measured: seconds of every repetition, bytes, differences."""
    results = [{"precision": precision, "variant": variant, **asdict(result)} for precision, variant, result in rows]
    plan = {key: value for key, value in asdict(settings).items() if key != "out"}
    return {"command": command, "machine": machine(device), "plan": plan, "results": results}


def as_text(command: str, settings: StepSettings, device: torch.device, rows: Rows) -> str:
    """The same for a person: what and where, then times, memory, equality."""
    facts = machine(device)
    where = facts["device"] if device.type == "cuda" else f"{facts['cpu']} ({', '.join(facts['capabilities'])})"
    shape = f"{settings.batch} × {settings.tokens} text tokens"
    shape += f" (shortest {settings.shortest})" if settings.shortest else ""
    lines = [
        f"`{command}`",
        f"{where}, {facts['cores']} cores · torch {facts['torch']} · transformers {facts['transformers']} · {shape}",
        "stock: transformers' class; step: forward, loss, backward; medians ± half the spread; alternating order",
        "stock alone: the stock class in a process of its own, with memory as the C library handles it by itself "
        "(docexp makes a process keep its memory); linear: the linear layers' products of a step alone",
    ]
    left_out = {result.left_out for _, _, result in rows if result.left_out}
    lines += [f"left out of both, being the same code: {part}" for part in sorted(left_out)]
    return "\n\n".join(["  \n".join(lines), _times(rows), _memory(rows), _equality(rows)]) + "\n"


def _times(rows: Rows) -> str:
    header = ["precision", "variant", "time", "", "stock", "docexp", "ratio", "stock alone", "ratio", "linear"]
    lines = []
    for precision, variant, result in rows:
        for count, times in result.times.items():
            clock = f"{count} thread{'s' * (count > 1)}, {'CPU' if times.clock == 'process' else 'wall'}"
            head = [precision, variant, clock]
            as_it_comes, ours = times.stock_as_it_comes, times.step[DOCEXP]
            loose = ["", ""] if as_it_comes is None else [_time(as_it_comes), _ratio(as_it_comes, ours)]
            lines.append([*head, "step", *_both(times.step), *loose, _time(times.linear_alone)])
            lines.append([*head, "forward", *_both(times.forward), "", "", ""])
    return markdown(header, lines)


def _memory(rows: Rows) -> str:
    lines = []
    for precision, variant, result in rows:
        for name, found in (("kept for backward", result.kept), ("peak of a step", result.peak)):
            stock, docexp = found[STOCK], found[DOCEXP]
            if stock and docexp:
                sizes = [f"{size / MEBIBYTE:,.0f} MiB" for size in (stock, docexp)]
                lines.append([precision, variant, name, *sizes, f"{stock / docexp:.2f}"])
    return markdown(["precision", "variant", "memory", "stock", "docexp", "ratio"], lines)


def _equality(rows: Rows) -> str:
    lines = [
        [
            precision,
            variant,
            *(f"{result.equality[name]:.1e}" for name in ("output", "gradients", "worst_gradient")),
            *(f"{result.equality[name]:.0f}" for name in ("compared", "only_in_docexp")),
        ]
        for precision, variant, result in rows
        if result.equality
    ]
    header = ["precision", "variant", "outputs apart", "gradients apart", "worst tensor", "compared", "stock has none"]
    return (
        markdown(header, lines) if lines else "Equality: none to be had with dropout, which the two draw differently."
    )


def _both(pair: Mapping[str, Timing]) -> list[str]:
    return [_time(pair[STOCK]), _time(pair[DOCEXP]), _ratio(pair[STOCK], pair[DOCEXP])]


def _ratio(stock: Timing, docexp: Timing) -> str:
    return f"{stock.median / docexp.median:.2f}"


def _time(timing: Timing) -> str:
    spread = f" ± {50 * timing.spread:.0f} %" if len(timing.seconds) > 1 else ""  # one measurement has none
    return f"{timing.median:.3g} s{spread}"


def markdown(header: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A table, its columns as wide as their longest cell."""
    widths = [max(len(row[column]) for row in (header, *lines)) for column in range(len(header))]
    rows = [header, ["-" * width for width in widths], *lines]
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows
    )
