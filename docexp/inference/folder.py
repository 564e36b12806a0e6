"""A folder that plain transformers opens: model, configuration with label names, tokenizer and processor."""

from pathlib import Path
from typing import Any

import transformers

from docexp.errors import DocexpError
from docexp.inputs.tokenizer import Tokenizer
from docexp.models.plain import PlainBackbone, PlainHead
from docexp.models.weight_names import some


def write_model(folder: Path, backbone: PlainBackbone, head: PlainHead) -> str:
    """Writes ``config.json`` and ``model.safetensors`` through transformers' class; gives the class's name.

    Raises:
        DocexpError: the class has other parameters than backbone and head together.
    """
    name = backbone.family + head.suffix
    config = backbone.config
    config.id2label = dict(enumerate(head.labels))
    config.label2id = {label: number for number, label in enumerate(head.labels)}
    config.classifier_dropout = head.dropout
    model = getattr(transformers, name)(config)
    given, own = backbone.tensors.keys() | head.tensors.keys(), model.state_dict().keys()
    if given != own:
        raise DocexpError(
            f"transformers' {name} has other parts than this run's model: {some(given ^ own)}. Nothing was exported."
        )
    model.load_state_dict({**backbone.tensors, **head.tensors}, strict=True)
    model.save_pretrained(folder)
    return name


def write_processor(folder: Path, backbone: PlainBackbone, tokenizer: Tokenizer, max_tokens: int) -> None:
    """Writes the tokenizer, and where the model sees images the processor, which does no OCR of its own."""
    tokenizer.save(folder)
    plain = transformers.AutoTokenizer.from_pretrained(
        folder, model_max_length=max_tokens, sep_token_box=[backbone.closing] * 4
    )
    plain.save_pretrained(folder)
    if backbone.image_size is None:
        return
    side = {"height": backbone.image_size, "width": backbone.image_size}
    images = getattr(transformers, f"{backbone.family}ImageProcessorPil")(apply_ocr=False, size=side)
    processor = getattr(transformers, f"{backbone.family}Processor")
    processor(images, plain).save_pretrained(folder)


def open_model(folder: Path, name: str) -> Any:
    """The model as a stranger opens it.

    Raises:
        RuntimeError: transformers found weights missing, left over, or of another shape.
    """
    model, told = getattr(transformers, name).from_pretrained(folder, output_loading_info=True)
    faults = {kind: names for kind, names in told.items() if names}
    if faults:
        raise RuntimeError(f"{folder} does not open whole in transformers: {faults}")
    return model.eval()


def open_processor(folder: Path, family: str, sees_image: bool) -> Any:
    """The processor, or the tokenizer of a model without an image, as a stranger opens it."""
    opener = getattr(transformers, f"{family}Processor") if sees_image else transformers.AutoTokenizer
    return opener.from_pretrained(folder)
