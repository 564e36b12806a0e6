"""What settings of different groups must fulfil together, found before anything is opened or built."""

from docexp.config.compose import Composed
from docexp.config.fitting import models_that_fit, settings_that_fit
from docexp.config.schema import RunSettings
from docexp.config.sources import Sources
from docexp.errors import DocexpError
from docexp.models.settings import ModelSettings
from docexp.models.weight_names import chooses
from docexp.models.weight_rows import WORDS

RUN = "run:"
"""How ``model.weights`` of another run begin."""
TRAINED_HERE = "data:"
"""How ``model.tokenizer`` begins where one is trained on the data."""
OF_TEXT = ("tokenizer", "resize_vocabulary", "max_tokens")
"""Settings of every model that are about words alone."""
SPECIALS = 2
"""Special tokens of a window: the one that opens it and the one that closes it."""


def check_together(settings: RunSettings, composed: Composed) -> None:
    """Refuses combinations that no single group can see.

    Raises:
        DocexpError: names the keys, what each says, and what to change.
    """
    _check_text(settings, composed)
    _check_needs(settings, composed)
    _check_weights(settings, composed)
    _check_lengths(settings)
    settings.hardware.check_batch(settings.trainer.global_batch)


def _check_text(settings: RunSettings, composed: Composed) -> None:
    if settings.model.reads_text:
        return
    for key in (f"model.{name}" for name in OF_TEXT):
        # a choice of conf/model sets them for the model that reads; only who types one means it
        if Sources(composed).typed(key):
            raise DocexpError(f"{key} has no effect: this model reads no words. Leave it out.")


def _check_needs(settings: RunSettings, composed: Composed) -> None:
    model, task = settings.model, settings.task
    if "pyramid" in model.provides and "pyramid" not in task.needs:
        raise DocexpError("model.pyramid builds parameters that this task would never train. Set model.pyramid=[].")
    if task.needs <= model.provides:
        return

    def fits(other: ModelSettings) -> bool:
        return task.needs <= other.provides

    task_name, model_name = (composed.choices.get(group, f"of this {group}") for group in ("task", "model"))
    who = f"task {task_name}"
    if settings.objective:
        who = task_name = f"objective=[{','.join(settings.objective)}]"
    ways = settings_that_fit(model, fits)
    models = [choice for choice in models_that_fit(composed.project, fits) if choice != model_name]
    advice = [f"Set {' or '.join(f'model.{way}' for way in ways)}."] if ways else []
    advice += [f"Models for {task_name}: {', '.join(models)}."] if models else []
    raise DocexpError(
        f"model {model_name} provides {_names(model.provides)}; {who} needs {_names(task.needs)}. "
        + (" ".join(advice) or "No model of conf/model gives that.")
    )


def _check_weights(settings: RunSettings, composed: Composed) -> None:
    weights, tokenizer = settings.model.weights, settings.model.tokenizer
    if weights is None or tokenizer is None or not settings.model.reads_text:
        return
    if weights.startswith(RUN):
        # a choice of conf/model names a tokenizer for training from scratch; only who types one means it
        if Sources(composed).typed("model.tokenizer"):
            raise DocexpError(
                f"model.tokenizer={tokenizer} has no effect: model.weights={weights} brings that run's tokenizer. "
                "Leave one of them out."
            )
    elif tokenizer.startswith(TRAINED_HERE) and not any(chooses(p, WORDS) for p in settings.model.allow_missing):
        raise DocexpError(
            f"model.tokenizer={tokenizer} would be trained anew, but model.weights={weights} know the tokens of their "
            "own. Set model.tokenizer=null to take the one that belongs to the weights, or leave the table of tokens "
            f"as drawn: model.allow_missing=[{WORDS}]."
        )


def _check_lengths(settings: RunSettings) -> None:
    data, optim, trainer, steps = settings.data, settings.optim, settings.trainer, settings.trainer.max_steps
    longest, multiple, stride = settings.model.max_tokens, data.pad_to_multiple, data.window_stride
    if longest % multiple:
        raise DocexpError(f"model.max_tokens={longest} must be a multiple of data.pad_to_multiple={multiple}.")
    if stride >= longest - SPECIALS:
        raise DocexpError(
            f"data.window_stride={stride} must be below {longest - SPECIALS}: windows of model.max_tokens={longest} "
            f"hold so many tokens beside the {SPECIALS} special ones."
        )
    if trainer.selection != "last" and trainer.validate_every > steps:
        raise DocexpError(
            f"trainer.selection={trainer.selection} needs a validation, and trainer.validate_every="
            f"{trainer.validate_every} comes after trainer.max_steps={steps}. Lower it, or set trainer.selection=last."
        )
    if optim.warmup(steps) > steps:
        raise DocexpError(
            f"optim.warmup_steps={optim.warmup_steps} is longer than the run: trainer.max_steps={steps}. "
            "Lower it, or set optim.warmup_steps=0 and optim.warmup_fraction=0.1."
        )


def _names(values: frozenset[str]) -> str:
    return ", ".join(sorted(values)) or "nothing"
