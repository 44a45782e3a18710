"""Training: digital, and hardware-aware (HWA), which is the same loop with another forward pass.

- `fit(model, x, y, forward=..., schedule=..., key=...)`: the loop, of `parts_of`, `loss_of`, `optimiser_of` and
  `compiled_epoch`. `Saves`, a folder in which it keeps what was done, and goes on from.
- `digital_forward`, `hwa_forward`, `chip_forward`: without noise, on fresh chips in each step, on one given chip.
  `in_precision`, `rematerialised`: the same in half precision, and in less memory.
- `CrossEntropy`, `Distillation`, `Balanced`: what is minimised; `cross_entropy`, `accuracy`.
- `keep_programmable`, `learn_ranges`: weights clipped after each step, and ranges by their rules, as optax
  transformations.
- `lora_plus`, `halora_penalty`: for adapters (`nn.adapt`), on chips that are never written again.
- `Metric`, `ACCURACY`, `BITS_PER_CHARACTER`: what is reported.
- `make_mesh`, `shardings`: training over many devices, by the shapes of arrays. `plan`, what it takes of each.
- `scanned`, `deep_hwa_forward`: deep decoders as one loop over their blocks, in less memory.
- `in_memory`: arrays that hold the weights learn by pulses; `WriteStats` and `lifetime`, what that wears.
- `Forward`, `AbstractObjective`: what a loop is given. `Schedule`, `Plan`, `Layout` (`check_batch`): how long, how
  much memory, on which mesh. `with_checkpoints`: less memory by module; `random_shift`: of images.
"""

from . import in_memory as in_memory
from ._adapters import halora_penalty as halora_penalty, lora_plus as lora_plus
from ._deep import deep_hwa_forward as deep_hwa_forward, scanned as scanned
from ._epoch import compiled_epoch as compiled_epoch, random_shift as random_shift
from ._hwa import (
    chip_forward as chip_forward,
    digital_forward as digital_forward,
    hwa_forward as hwa_forward,
    keep_programmable as keep_programmable,
)
from ._loop import (
    Forward as Forward,
    fit as fit,
    loss_of as loss_of,
    optimiser_of as optimiser_of,
    parts_of as parts_of,
)
from ._losses import accuracy as accuracy, cross_entropy as cross_entropy
from ._metrics import ACCURACY as ACCURACY, BITS_PER_CHARACTER as BITS_PER_CHARACTER, Metric as Metric
from ._objectives import (
    AbstractObjective as AbstractObjective,
    Balanced as Balanced,
    CrossEntropy as CrossEntropy,
    Distillation as Distillation,
)
from ._plan import Plan as Plan, plan as plan
from ._precision import (
    in_precision as in_precision,
    rematerialised as rematerialised,
    with_checkpoints as with_checkpoints,
)
from ._ranges import learn_ranges as learn_ranges
from ._saves import Saves as Saves
from ._schedule import Schedule as Schedule
from ._sharding import Layout as Layout, check_batch as check_batch, make_mesh as make_mesh, shardings as shardings
from .in_memory import WriteStats as WriteStats, lifetime as lifetime
