"""Form tagging on the device: classification head, cross-entropy, entity scores."""

from collections import Counter
from collections.abc import Mapping, Sequence

import torch.nn.functional as F
from torch import Tensor
from torchmetrics import Metric

from docexp.inputs.batch import Batch
from docexp.inputs.sample import IGNORED
from docexp.metrics.entity_f1 import EntityF1
from docexp.models.backbone import Encoded
from docexp.models.flops import dense, matrix_weights
from docexp.models.heads import TokenClassifier
from docexp.models.plain import PlainHead
from docexp.tasks.tagging.targets import TAGS
from docexp.tasks.tags import bio_tags, merge_windows
from docexp.tasks.task import Losses, Prediction, Task


class Tagging(Task):
    """Tags every word from the hidden state of its first sub-word (papers.md §8: first sub-word labelled, BIO)."""

    def __init__(self, labels: Sequence[str], hidden_size: int, dropout: float) -> None:
        super().__init__()
        self.labels = [label.upper() for label in labels]  # as tags spell them
        self.tags = bio_tags(labels)
        self.classifier = TokenClassifier(hidden_size, len(self.tags), dropout)

    def losses(self, encoded: Encoded, batch: Batch) -> Losses:
        """Cross-entropy summed over the labelled first sub-words."""
        logits = self.classifier(encoded.text).float()
        target = batch.targets[TAGS]
        loss = F.cross_entropy(logits.flatten(0, 1), target.flatten(), ignore_index=IGNORED, reduction="sum")
        return Losses({TAGS: loss})

    def flops(self, batch: Batch) -> Tensor:
        """Every text token goes through the classifier."""
        return dense(matrix_weights(self.classifier), batch.mask.sum(dim=1).double())

    def decode(self, encoded: Encoded, batch: Batch) -> list[Prediction]:
        """The likeliest tag of every non-blank word, each taken from the window that shows most around it."""
        return self._predictions(self.classifier(encoded.text), batch)

    def plain_head(self) -> PlainHead:
        """``…ForTokenClassification``: the classifier already has its names."""
        return PlainHead(
            suffix="ForTokenClassification",
            tensors=self.classifier.state_dict(),
            labels=tuple(self.tags),
            dropout=self.classifier.dropout.p,
            logits=lambda encoded: self.classifier(encoded.text),
            predictions=self._predictions,
        )

    def _predictions(self, logits: Tensor, batch: Batch) -> list[Prediction]:
        best = logits.argmax(dim=-1).cpu().numpy()
        owner = batch.owner.cpu().numpy()
        word_index, starts = batch.word_index.cpu().numpy(), batch.starts_word.cpu().numpy()
        predictions = []
        for number, key in enumerate(batch.keys):
            if batch.filler[number]:
                continue
            reference = batch.references[number]
            rows = [row for row in range(batch.rows) if owner[row, 0] == number]
            chosen = merge_windows([(word_index[r], starts[r], best[r]) for r in rows])
            words = [i for i, tag in enumerate(reference["tags"]) if tag]
            predicted = [self.tags[chosen[i]] for i in words]
            gold = {"tags": [reference["tags"][i] for i in words], "annotated": reference["annotated"]}
            predictions.append(Prediction(key, predicted, gold))
        return predictions

    def metric(self, sync_on_compute: bool = True) -> Metric:
        """Entity precision, recall and F1."""
        return EntityF1(self.labels, sync_on_compute=sync_on_compute)

    def update(self, metric: Metric, predictions: Sequence[Prediction]) -> None:
        """Counts each page once."""
        annotated: Counter[str] = Counter()
        for prediction in predictions:
            annotated.update({label.upper(): n for label, n in prediction.reference["annotated"].items()})
        metric.update([p.predicted for p in predictions], [p.reference["tags"] for p in predictions], annotated)

    def sample_scores(self, prediction: Prediction) -> dict[str, float]:
        """The page's own F1."""
        return {"entity_f1": self.scores([prediction])["entity_f1"]}

    def baseline(self, predictions: Sequence[Prediction]) -> dict[str, float]:
        """Every word tagged with the commonest tag of these references."""
        counts = Counter(tag for prediction in predictions for tag in prediction.reference["tags"])
        majority = max(self.tags, key=lambda tag: (counts[tag], tag))
        return self.scores([Prediction(p.key, [majority] * len(p.reference["tags"]), p.reference) for p in predictions])

    def describe(self, metrics: Mapping[str, float], baseline: Mapping[str, float]) -> str:
        """``entity F1 90.1 (strict 89.8) · P 89.0 R 91.2 · header 61.0 (119) …``."""
        classes = "  ".join(
            f"{label.lower()} {100 * metrics[f'{label}/f1']:.1f} ({int(metrics[f'{label}/support']):,})"
            for label in self.labels
        )
        return (
            f"entity F1 {100 * metrics['entity_f1']:.1f} (strict {100 * metrics['entity_f1_strict']:.1f})"
            f" · P {100 * metrics['precision']:.1f} R {100 * metrics['recall']:.1f}"
            f" · R of all annotated {100 * metrics['recall_annotated']:.1f}"
            f" · {classes} · majority baseline {100 * baseline['entity_f1']:.1f}"
        )
