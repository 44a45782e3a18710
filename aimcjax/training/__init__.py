"""Training: digital, and hardware-aware (HWA), which is the same loop with another forward pass.

- `fit(model, x, y, forward=..., schedule=..., key=...)`: the loop.
- `digital_forward`, `hwa_forward`: without noise, and on a fresh chip each step.
- `keep_programmable`: clips weights after each step, an optax transformation.
- `cross_entropy`, `accuracy`. `Metric`, `ACCURACY`, `BITS_PER_CHARACTER`: what is reported.
- `cross_entropy`, `accuracy`.
- `chip_forward`, `lora_plus`, `halora_penalty`: adapters (`nn.adapt`) on chips that are never written again.
- `in_memory`: arrays that hold the weights learn by pulses; `WriteStats` and `lifetime`, what that wears.
"""

from . import in_memory as in_memory
from ._adapters import (
    chip_forward as chip_forward,
    halora_penalty as halora_penalty,
    lora_plus as lora_plus,
)
from ._hwa import (
    digital_forward as digital_forward,
    hwa_forward as hwa_forward,
    keep_programmable as keep_programmable,
)
from ._loop import Forward as Forward, Schedule as Schedule, fit as fit, random_shift as random_shift
from ._losses import accuracy as accuracy, cross_entropy as cross_entropy
from ._metrics import ACCURACY as ACCURACY, BITS_PER_CHARACTER as BITS_PER_CHARACTER, Metric as Metric
from .in_memory import WriteStats as WriteStats, lifetime as lifetime
