"""Measured reading as plain values for json, and as tables in Markdown."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import torch

from docexp.bench.data import PLAIN, WEBDATASET, DataResult
from docexp.bench.data_memory import NEW_WORDS, growth
from docexp.bench.data_settings import DataBenchSettings
from docexp.bench.machine import machine
from docexp.bench.report import MEBIBYTE, markdown
from docexp.bench.timing import Timing


def data_json(command: str, settings: DataBenchSettings, result: DataResult) -> dict[str, Any]:
    """Everything that was measured."""
    plan = {key: value for key, value in asdict(settings).items() if key != "out"}
    return {"command": command, "machine": _machine(), "plan": plan, "results": asdict(result)}


def data_text(command: str, settings: DataBenchSettings, result: DataResult) -> str:
    """The same for a person: samples, pages, equality, memory."""
    facts = _machine()
    versions = " · ".join(f"{name} {facts[name]}" for name in ("webdataset", "pillow", "torch", "transformers"))
    lines = [
        f"`{command}`",
        f"{facts['cpu']} · {versions} · {result.pages:,} built-in forms, batches of {settings.batch}",
        "one process, one thread, CPU time; medians ± half the spread; alternating order, after one run that does not "
        "count (so files are in the page cache and words in the word cache)",
    ]
    parts = ["  \n".join(lines), _raw(result), _path(result), _equality(result)]
    if result.memory:
        parts.append(_memory(result))
    return "\n\n".join(parts) + "\n"


def _raw(result: DataResult) -> str:
    rows = []
    for name, timings in result.raw.items():
        base = timings[WEBDATASET]
        for who, timing in timings.items():
            size = f"{result.sample_bytes[name] / 1000:,.1f} KB"
            rows.append([name, size, who, _rate(timing, result.pages), f"{base.median / timing.median:.2f}"])
    return markdown(["raw samples", "sample", "", "samples/s", "ratio"], rows)


def _path(result: DataResult) -> str:
    base = result.path[PLAIN]
    rows = [
        [who, _rate(timing, result.pages), f"{1000 * timing.median / result.pages:.3f} ms", _ratio(base, timing)]
        for who, timing in result.path.items()
    ]
    return markdown(["pages to batches", "pages/s", "a page", "ratio"], rows)


def _equality(result: DataResult) -> str:
    return "Token ids equal: " + ", ".join(f"{name} on {count:,} pages" for name, count in result.equal.items()) + "."


def _memory(result: DataResult) -> str:
    early, late = growth(result.memory)
    read, most = result.memory[-1][0], max(size for _, size in result.memory)
    return (
        f"Memory over {read:,} samples in two epochs, each page with {NEW_WORDS} words that never came before: "
        f"{early / MEBIBYTE:,.1f} MiB on average in the second quarter, {late / MEBIBYTE:,.1f} MiB in the last "
        f"({(late - early) / MEBIBYTE:+.1f}), at most {most / MEBIBYTE:,.1f} MiB."
    )


def _machine() -> Mapping[str, Any]:
    from importlib.metadata import version

    return machine(torch.device("cpu")) | {name: version(name) for name in ("webdataset", "pillow")}


def _rate(timing: Timing, pages: int) -> str:
    spread = f" ± {50 * timing.spread:.0f} %" if len(timing.seconds) > 1 else ""
    return f"{pages / timing.median:,.0f}{spread}"


def _ratio(base: Timing, timing: Timing) -> str:
    return f"{base.median / timing.median:.2f}"
