"""Whether weights and tokenizer speak of the same tokens."""

from docexp.errors import DocexpError
from docexp.hub import local_folder
from docexp.inputs.tokenizer import Tokenizer, load_tokenizer
from docexp.models.weight_folder import PATTERNS


def vocabulary_fault(tokenizer: Tokenizer, weights: str, resize: bool) -> str:
    """Why a tokenizer is not the one that came with the weights, with an example and what to do; "" where it is.

    Args:
        tokenizer: the run's.
        weights: a folder or hub id; what it holds beside the weights is looked at, and nothing checked where that is
            no tokenizer.
        resize: whether either may have tokens behind the other's last.
    """
    folder = local_folder(weights, PATTERNS)
    try:
        theirs = load_tokenizer(str(folder))
    except DocexpError:
        return ""
    if theirs.checksum == tokenizer.checksum:
        return ""
    shared = min(theirs.vocab_size, tokenizer.vocab_size) if resize else max(theirs.vocab_size, tokenizer.vocab_size)
    here, there = ({i: token for token, i in t.vocab.items() if i < shared} for t in (tokenizer, theirs))
    differing = sorted(i for i in here.keys() | there.keys() if here.get(i) != there.get(i))
    if not differing:
        return ""
    first = differing[0]
    return (
        f"the tokenizer is not the one that came with {weights}: {len(differing):,} of {shared:,} ids differ, id "
        f"{first} is {here.get(first)!r} here and {there.get(first)!r} there. "
        "Leave model.tokenizer unset to take theirs"
        + ("." if resize else ", or set model.resize_vocabulary=true if one of them only has more tokens.")
    )
