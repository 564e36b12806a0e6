"""Parts of a backbone that do not train."""

from collections.abc import Sequence

from docexp.models.backbone import Backbone
from docexp.models.weight_names import matching


def freeze(backbone: Backbone, patterns: Sequence[str]) -> None:
    """Takes the gradient from all parameters that ``patterns`` choose (see ``weight_names.matching``).

    Dropout inside a frozen part stays as in training, as in the published fine-tuning code.

    Raises:
        DocexpError: a pattern that matches no parameter.
    """
    parameters = {name.removeprefix(backbone.prefix): weight for name, weight in backbone.named_parameters()}
    for name in matching(patterns, parameters, "model.freeze"):
        parameters[name].requires_grad_(False)
