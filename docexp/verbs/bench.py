"""``docexp bench …``: speed and memory against what everybody has, measured in one process."""

import dataclasses
import shlex
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from rich.console import Console

from docexp.bench.data_settings import DataBenchSettings
from docexp.bench.settings import VARIANTS, StepSettings
from docexp.config.check import refuse_unknown
from docexp.config.compose import compose
from docexp.config.fill import fill, fill_values
from docexp.config.project import Project
from docexp.config.sources import Sources
from docexp.errors import DocexpError
from docexp.models.settings import ModelSettings
from docexp.verbs.words import Words, chosen_command, split_words

_Chosen = TypeVar("_Chosen", StepSettings, DataBenchSettings)
MODEL = "layoutlmv3_base"
COMMANDS = {
    "step": (
        {
            "batch": "text",
            "tokens": "text",
            "shortest": "text",
            "precision": "fp32|bf16-mixed",
            "variants": "frozen|trained|frozen+dropout|trained+dropout",
            "threads": "text",
            "repeats": "text",
            "device": "cpu|gpu",
            "vocabulary": "text",
            "out": "file",
        },
        ("--help", "-h"),
        ("model",),
    ),
    "data": (
        {
            "pages": "text",
            "size": "text",
            "batch": "text",
            "repeats": "text",
            "memory_samples": "text",
            "out": "file",
        },
        ("--help", "-h"),
        (),
    ),
}
"""Each command's arguments with what their values are, flags, and groups: shell completion reads this."""

HELP = """usage: docexp bench step|data [key=value …]

step: a training step of docexp's model against that of transformers' own class: equal weights,
equal batches, one process, alternating order. Times, memory, and how far outputs and gradients lie
apart, in the same run. LayoutLMv2's visual backbone, the same code in both, is left out.

  docexp bench step out=step_cpu
  docexp bench step device=gpu batch=32 precision=bf16-mixed
  docexp bench step model=layoutlmv3_tiny tokens=128 variants=trained repeats=9

  model=…        the model, and model.KEY=… for its settings (default: layoutlmv3_base)
  batch=2        rows of a batch
  tokens=512     text tokens of a row; shortest=N lets the rows' lengths go down to N, and pads them
  precision=…    fp32, bf16-mixed (default: both)
  variants=…     relative-position biases and dropout of 0.1 (default: all):
                 frozen, trained, frozen+dropout, trained+dropout; plain where there are none
  threads=1,2    CPU threads: with one the process's CPU time counts, with more the time that passes
  repeats=3      measurements of each, of which the median counts
  device=cpu     cpu or gpu
  vocabulary=N   tokens of the vocabulary (default: 50265, RoBERTa's)
  out=FILE       writes FILE.json and FILE.md

data: reading pages and making batches of them, against the webdataset library and transformers'
processor: samples/s, pages/s, and memory over two epochs; token ids are compared in the same run.

  docexp bench data out=data_cpu
  docexp bench data pages=100 repeats=3 memory_samples=0

  pages=400      built-in forms that are drawn and stored, full-size and at size=224
  batch=16       pages of a batch
  repeats=5      measurements of each, of which the median counts
  memory_samples=100000   samples of an epoch while memory is watched; 0 leaves that out
  out=FILE       writes FILE.json, FILE.md and FILE_memory.png
"""


def run(words: Sequence[str], project_dir: Path | None) -> int:
    """Runs one of the commands."""
    chosen = chosen_command("bench", words, COMMANDS)
    if chosen is None:
        print(HELP)
        return 0
    command, rest = chosen
    return {"step": step, "data": data}[command](rest, Project.at(project_dir))


def step(words: Sequence[str], project: Project) -> int:
    """Measures training steps, prints the tables, and writes them down where ``out`` says."""
    settings, split = _settings(words, project, "step", StepSettings)
    models = _models(settings, split, project)  # all of them are checked before the first is measured
    plans = [(precision, name, model) for precision in settings.precision for name, model in models.items()]
    out = _writable(settings.out)

    from docexp.bench.report import as_json, as_text
    from docexp.bench.step import StepResult, bench_step, device_of

    device = device_of(settings.device)
    rows: list[tuple[str, str, StepResult]] = []
    console = Console(highlight=False, stderr=True)
    with console.status("") as status:
        for number, (precision, variant, model) in enumerate(plans, start=1):
            head = f"{number} of {len(plans)}: {precision}, {variant}"
            if not console.is_terminal:
                console.print(head)

            def say(text: str, head: str = head) -> None:
                status.update(f"{head}: {text}")

            rows.append((precision, variant, bench_step(model, precision, settings, device, say)))
    command = shlex.join(["docexp", "bench", "step", *words])
    text = as_text(command, settings, device, rows)
    Console(highlight=False, soft_wrap=True).print(text, markup=False, end="")
    if out is not None:
        _write(out, as_json(command, settings, device, rows), text)
    return 0


def data(words: Sequence[str], project: Project) -> int:
    """Measures reading and preparing pages, prints the tables, and writes them down where ``out`` says."""
    settings, _ = _settings(words, project, "data", DataBenchSettings)
    out = _writable(settings.out)

    from docexp.bench.data import bench_data
    from docexp.bench.data_memory import draw, memory_curve
    from docexp.bench.data_report import data_json, data_text
    from docexp.bench.data_sets import JPEG, make_sets, repeated

    console = Console(highlight=False, stderr=True)
    with console.status("drawing pages") as status, tempfile.TemporaryDirectory(prefix="docexp-bench-") as made:
        folder = Path(made)
        sets = make_sets(folder, settings.pages, settings.size)
        result = bench_data(sets, settings, status.update)
        if settings.memory_samples:
            status.update("memory over two epochs")
            again = repeated(sets.sets[JPEG], folder / "repeated", settings.memory_samples)
            result.memory = memory_curve(again.folder, settings)
    command = shlex.join(["docexp", "bench", "data", *words])
    text = data_text(command, settings, result)
    Console(highlight=False, soft_wrap=True).print(text, markup=False, end="")
    if out is not None:
        _write(out, data_json(command, settings, result), text)
        if result.memory:
            draw(result.memory, out.with_name(f"{out.name}_memory.png"))
    return 0


def _settings(words: Sequence[str], project: Project, command: str, schema: type[_Chosen]) -> tuple[_Chosen, Words]:
    fields = {item.name: item for item in dataclasses.fields(schema)}
    split = split_words(words, COMMANDS[command][0], COMMANDS[command][1])
    if split.names:
        raise DocexpError(f"{split.names[0]!r} is no key=value. See: docexp bench --help")
    lists = {name for name, item in fields.items() if item.default_factory is not dataclasses.MISSING}
    values = {name: value.split(",") if name in lists else value for name, value in split.arguments.items()}
    composed = compose(split.overrides, project)
    refuse_unknown(composed.config, "docexp bench", Sources(composed), tuple(fields))
    taken = COMMANDS[command][2]
    for word in split.overrides:
        if word.lstrip("+~").partition("=")[0].partition(".")[0] not in taken:
            raise DocexpError(f"{word} is nothing that docexp bench {command} takes. See: docexp bench --help")
    typed = dataclasses.replace(composed, overrides=tuple(words))
    settings, _ = fill_values(schema, values, "", Sources(typed))
    return settings, split


def _models(settings: StepSettings, split: Words, project: Project) -> dict[str, ModelSettings]:
    """The model in every variant. One that has no biases is named ``plain``, however they were to be."""
    chosen = any(word.startswith("model=") for word in split.overrides)
    words = [*([] if chosen else [f"model={MODEL}"]), *split.overrides]
    plain = _model(words, project)
    if settings.tokens > plain.max_tokens:
        raise DocexpError(f"tokens={settings.tokens} is more than model.max_tokens={plain.max_tokens}")
    models = {}
    for variant in settings.variants:
        fitting = [word for word in VARIANTS[variant] if hasattr(plain, word.removeprefix("model.").partition("=")[0])]
        whole = len(fitting) == len(VARIANTS[variant])
        name = variant if whole else "+".join(["plain", *variant.split("+")[1:]])
        models[name] = _model([*words, *fitting], project)
    return models


def _model(words: Sequence[str], project: Project) -> ModelSettings:
    composed = compose(words, project)
    return fill(composed.config["model"], "model", ModelSettings, Sources(composed))[0]


def _writable(out: str | None) -> Path | None:
    place = None if out is None else Path(out).expanduser()
    if place is not None and not place.parent.is_dir():
        raise DocexpError(f"out={out}: there is no folder {place.parent}")
    return place


def _write(out: Path, record: dict[str, Any], text: str) -> None:
    """``out`` with the two endings."""
    from docexp.runs import atomic

    hint = "Choose another out=FILE."
    atomic.write_json(out.with_name(f"{out.name}.json"), record, hint)
    atomic.write_text(out.with_name(f"{out.name}.md"), text, hint)
