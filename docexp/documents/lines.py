"""Lines for pages whose annotators gave only words."""

from collections.abc import Sequence

from docexp.documents.geometry import Boxes, words_to_lines


def derived_lines(words: Sequence[str], boxes: Boxes) -> tuple[tuple[int, ...], ...]:
    """Lines as an OCR engine would see them, less the blank words: word indices, ``[N, 4]`` boxes.

    A blank word is print that the annotators did not transcribe: it holds its line together, and belongs to none.
    """
    lines = ([word for word in line if words[word].strip()] for line in words_to_lines(boxes))
    return tuple(tuple(line) for line in lines if line)
