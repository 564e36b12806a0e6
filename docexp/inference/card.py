"""The model card of an exported folder: what a stranger needs to know before using it."""

import json
from dataclasses import dataclass

from docexp import __version__
from docexp.inference.rescore import Agreement
from docexp.models.plain import PlainBackbone
from docexp.runs.first_weights import FirstWeights
from docexp.runs.resolve import ResolvedRun
from docexp.runs.result import Evaluation

CONFIG = "run_config.yaml"
"""The run's whole configuration, beside the card."""


@dataclass(frozen=True)
class Facts:
    """What a card is written from."""

    run: ResolvedRun
    checkpoint: str
    model_class: str
    backbone: PlainBackbone
    agreement: Agreement
    scored: str
    """The pages that were compared, in words."""
    evaluations: list[Evaluation]
    weights: FirstWeights


def model_card(facts: Facts) -> str:
    """Markdown with the hub's front matter."""
    parts = [_front(facts), _head(facts), _use(facts), _data(facts), _scores(facts), _checked(facts), _made(facts)]
    return "\n\n".join(parts) + "\n"


def _front(facts: Facts) -> str:
    terms = facts.weights.licence or ("not stated" if facts.weights.source else "none set, trained from random weights")
    named = f"license_name: {json.dumps(terms, ensure_ascii=False)}"
    lines = ["library_name: transformers", "license: other", named, "tags: [document-ai, docexp]"]
    return "\n".join(["---", *lines, "---"])


def _head(facts: Facts) -> str:
    notes = [f"It was {note}." for note in facts.backbone.notes]
    return "\n\n".join([f"# {facts.model_class}, run {facts.run.identity}", *notes])


def _use(facts: Facts) -> str:
    sees, settings = facts.backbone.image_size is not None, facts.run.settings
    boxes = {"word": "its own box", "line": "the box of its line", "segment": "the box of its segment"}
    opener = f"{facts.backbone.family}Processor" if sees else "AutoTokenizer"
    call = "processor(image, words, boxes=boxes" if sees else "processor(words, boxes=boxes"
    return f"""## Use

```python
from transformers import {opener}, {facts.model_class}

processor = {opener}.from_pretrained(FOLDER)
model = {facts.model_class}.from_pretrained(FOLDER)
inputs = {call}, truncation=True, return_tensors="pt")
tags = [model.config.id2label[i] for i in model(**inputs).logits[0, : inputs.input_ids.shape[1]].argmax(-1).tolist()]
```

`words` are the page's words in reading order without blank ones, `boxes` their boxes as integers 0..1000 of the page's
width and height, each word with {boxes[settings.data.box_level]}; {
        "`image` is the page as an RGB picture" if sees else "the model sees no image: give it no `pixel_values`"
    }. At most {settings.model.max_tokens} tokens are read at once. The tag of a word is that of its first token."""


def _data(facts: Facts) -> str:
    corpora, weights = facts.run.corpora, facts.weights
    named = " · ".join(f"{index.name} (licence: {index.facts.licence})" for index in corpora.indices)
    start = f"the weights of {weights.source}" if weights.source else "random weights"
    terms = weights.licence or ("not stated: see where they came from" if weights.source else "none of others'")
    return "\n".join(
        [
            "## Data and terms",
            "",
            f"* trained on: {named}, checksum {corpora.checksum}",
            f"* started from: {start}",
            f"* licence of the weights it started from: {terms}",
        ]
    )


def _scores(facts: Facts) -> str:
    if not facts.evaluations:
        return f"## Scores\n\nCheckpoint {facts.checkpoint} has not been scored."
    lines = []
    for evaluation in facts.evaluations:
        value = f"{100 * evaluation.value:.1f}" if evaluation.fraction else f"{evaluation.value:.4g}"
        protocol = " · ".join(f"{key} {words}" for key, words in evaluation.protocol.items())
        lines.append(f"* {evaluation.primary_metric} {value} on {evaluation.samples} pages\n  protocol: {protocol}")
    return "\n".join(["## Scores", "", *lines])


def _checked(facts: Facts) -> str:
    return (
        f"## Checked\n\n{facts.scored}, {facts.agreement.windows} windows, went through docexp and through this folder "
        f"in plain transformers: {facts.agreement}"
    )


def _made(facts: Facts) -> str:
    run = facts.run
    return (
        f"## Made by\n\ndocexp {__version__}, experiment {run.settings.experiment}, run {run.identity}, checkpoint "
        f"{facts.checkpoint}, seed {run.settings.seed}:\n\n```\ndocexp train config={CONFIG}\n```"
    )
