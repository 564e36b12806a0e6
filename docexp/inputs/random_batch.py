"""Batches of random rows, for measuring and for trying a model out."""

from collections.abc import Sequence

import torch

from docexp.inputs.batch import Batch


def random_batch(
    lengths: Sequence[int], vocab_size: int, image_size: int | None, seed: int = 0, pad_token_id: int = 1
) -> Batch:
    """Rows of random tokens of these lengths, padded to the longest; a box and a word for every token; no targets.

    Token ids begin at 5: the first ones are special tokens.

    Args:
        lengths: tokens of every row.
        vocab_size: ids stay below.
        image_size: side of the random images; None leaves them out.
        seed: the same seed, the same batch.
        pad_token_id: fills the rows up.
    """
    draw = torch.Generator().manual_seed(seed)
    rows, longest = len(lengths), max(lengths)
    there = torch.arange(longest) < torch.tensor(lengths)[:, None]
    corner = torch.randint(0, 500, (rows, longest, 2), generator=draw)
    size = torch.randint(1, 500, (rows, longest, 2), generator=draw)
    bbox = torch.cat([corner, corner + size], dim=-1) * there[..., None]
    pixels = None
    tokens = torch.randint(5, vocab_size, (rows, longest), generator=draw).where(there, pad_token_id)
    if image_size is not None:
        pixels = torch.randint(0, 256, (rows, 3, image_size, image_size), generator=draw, dtype=torch.uint8)
    return Batch(
        input_ids=tokens,
        bbox=bbox,
        word_bbox=bbox,
        word_index=torch.arange(longest).expand(rows, -1).where(there, -1),
        line_index=torch.zeros(rows, longest, dtype=torch.int64).where(there, -1),
        starts_word=there,
        owner=torch.arange(rows)[:, None].where(there, -1),
        pixels=pixels,
        targets={},
        keys=[str(row) for row in range(rows)],
        filler=[False] * rows,
        references=[None] * rows,
    )
