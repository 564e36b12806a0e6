"""Text that is boxed in larger pieces than words: cut into words."""

from docexp.documents.geometry import Boxes


def split_line(text: str, box: Boxes) -> tuple[list[str], list[list[float]]]:
    """The words of a printed line and a box for each, from the line's text and its box ``[4]``.

    The line's width is shared out by characters, spaces included, as if all were equally wide: what is known of the
    true boxes is only that they lie in the line's. Text without a visible character gives no words.
    """
    text = text.strip()
    x0, y0, x1, y1 = box.tolist()
    words, boxes, start = text.split(), [], 0
    for word in words:
        start = text.index(word, start)
        left, right = (x0 + (x1 - x0) * at / len(text) for at in (start, start + len(word)))
        boxes.append([left, y0, min(right, x1), y1])
        start += len(word)
    return words, boxes
