"""``docexp data tokenizer``."""

from collections.abc import Sequence
from pathlib import Path

from docexp.config.project import Project
from docexp.errors import DocexpError
from docexp.verbs.data_commands.common import data_settings, split_command


def run(words: Sequence[str], project: Project) -> int:
    """A tokenizer trained on the training split."""
    from docexp.inputs.data_tokenizer import data_tokenizer
    from docexp.runs.resolve import open_index
    from docexp.shards.corpora import Corpora

    split = split_command(words, "tokenizer")
    size = split.arguments.get("vocab_size", "4096")
    if not size.isdigit():
        raise DocexpError(f"vocab_size={size} must be a whole number")
    data = data_settings(split.overrides, project, "tokenizer")
    out = Path(split.arguments["out"]).expanduser() if "out" in split.arguments else None
    if out is not None and out.exists():
        raise DocexpError(f"{out} exists: give out= another folder")
    made = data_tokenizer(Corpora.single(open_index(data)), int(size), out)
    smaller = f" (fewer than {int(size):,}: no more pairs occur twice)" if made.vocab_size < int(size) else ""
    print(f"byte-level BPE of {made.vocab_size:,} tokens{smaller}, checksum {made.checksum[:12]}")
    if out is not None:
        print(f"use it: model.tokenizer={out}")
    else:
        print(f"use it: model.tokenizer=data:{size}")
    return 0
