"""Which file of a folder in the hub's layout holds the weights. Imports no torch."""

from pathlib import Path

from docexp.errors import DocexpError

SINGLE = "model.safetensors"
SHARDED = "model.safetensors.index.json"
PICKLE = "pytorch_model*.bin"

PATTERNS = ["*.json", "*.safetensors", "README.md"]
"""What of a folder is asked for: weights, configuration, tokenizer, and the card that states the licence."""


def weights_file(folder: Path) -> Path:
    """The safetensors file, or the index of several.

    Raises:
        DocexpError: there is neither; where there is a pickle, says how to convert it.
    """
    for name in (SINGLE, SHARDED):
        if (folder / name).is_file():
            return folder / name
    pickles = sorted(folder.glob(PICKLE))
    if pickles:
        raise DocexpError(
            f"{pickles[0]} is a pickle, which can run code when it is opened: docexp reads safetensors alone. "
            f'Convert it where you trust it:\n  python -c "import pathlib, torch, safetensors.torch as s; '
            f"s.save_file({{k: v.clone() for f in pathlib.Path('{folder}').glob('{PICKLE}') "
            f"for k, v in torch.load(f, weights_only=True).items()}}, '{folder / SINGLE}')\""
        )
    raise DocexpError(f"{folder} holds no weights: neither {SINGLE} nor {SHARDED}")
