"""What is reported of a network: a number, what it is called, and which way is better."""

import dataclasses
import math
from collections.abc import Callable

from jaxtyping import Array

from .._types import Scalar
from ._losses import accuracy, cross_entropy


@dataclasses.dataclass(frozen=True)
class Metric:
    """A mean over samples, `function(logits[..., classes], targets[...])`.

    `key` names it in files and `name` in sentences; it is printed as `scale` times the value with `decimals`, in
    `unit`. `chance(n_classes)` is what guessing scores.
    """

    key: str
    name: str
    unit: str
    scale: float
    decimals: int
    higher_is_better: bool
    function: Callable[[Array, Array], Scalar]
    chance: Callable[[int], float]

    def format(self, value: float, *, sign: bool = False) -> str:
        """`value` as people read it, without its unit."""
        return f"{self.scale * value:{'+' if sign else ''}.{self.decimals}f}"


ACCURACY = Metric("accuracy", "test accuracy", "%", 100.0, 1, True, accuracy, lambda n: 1.0 / n)
BITS_PER_CHARACTER = Metric(
    "bits_per_character", "test bits per character", "bits", 1.0, 3, False,
    lambda logits, targets: cross_entropy(logits, targets) / math.log(2.0), math.log2,
)  # fmt: skip
