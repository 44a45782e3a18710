"""How long and how fast networks are trained."""

import math
from typing import NamedTuple


class Schedule(NamedTuple):
    """How long and how fast. `learning_rate` is the peak of a cosine with a warm-up of one twentieth; `shift` is the
    augmentation, random translations of images by up to so many pixels, in all but the last `settle` epochs;
    `accumulate` parts of a batch are computed one after the other, for batches that do not fit into memory."""

    epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float = 0.0
    shift: int = 0
    settle: int = 0
    accumulate: int = 1

    def check(self, n_samples: int) -> None:
        """Raises `ValueError` if a batch is more than all samples, or no whole number of parts; and for numbers that
        cannot be."""
        for name, least in {"epochs": 0, "batch_size": 1, "accumulate": 1, "shift": 0, "settle": 0}.items():
            if getattr(self, name) < least:
                raise ValueError(f"{name} is a whole number from {least}, got {getattr(self, name)}")
        if not (0 <= self.learning_rate < math.inf and 0 <= self.weight_decay < math.inf):
            rates = f"learning_rate={self.learning_rate}, weight_decay={self.weight_decay}"
            raise ValueError(f"learning rate and decay are finite and not below zero, got {rates}")
        if self.batch_size % self.accumulate:
            raise ValueError(f"batch_size={self.batch_size} does not divide into accumulate={self.accumulate} parts")
        if self.batch_size > n_samples:
            raise ValueError(f"batch_size={self.batch_size} is more than the {n_samples} training samples")
