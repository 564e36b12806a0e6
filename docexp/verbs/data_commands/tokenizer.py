"""``docexp data tokenizer``."""

from collections.abc import Sequence
from pathlib import Path

from docexp.config.project import Project
from docexp.errors import DocexpError
from docexp.verbs.data_commands.common import data_settings, split_command, whole_number


def run(words: Sequence[str], project: Project) -> int:
    """A tokenizer trained on the training split."""
    from docexp.inputs.data_tokenizer import data_tokenizer
    from docexp.runs.resolve import open_index
    from docexp.shards.corpora import Corpora

    split = split_command(words, "tokenizer")
    size = whole_number(split, "vocab_size", 4096)
    data = data_settings(split.overrides, project, "tokenizer")
    out = Path(split.arguments["out"]).expanduser() if "out" in split.arguments else None
    if out is not None and out.exists():
        raise DocexpError(f"{out} exists: give out= another folder")
    made = data_tokenizer(Corpora.single(open_index(data)), size, out)
    smaller = f" (fewer than {size:,}: no more pairs occur twice)" if made.vocab_size < size else ""
    print(f"byte-level BPE of {made.vocab_size:,} tokens{smaller}, checksum {made.checksum[:12]}")
    if out is not None:
        print(f"use it: model.tokenizer={out}")
    else:
        print(f"use it: model.tokenizer=data:{size}")
    return 0
