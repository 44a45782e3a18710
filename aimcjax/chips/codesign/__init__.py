"""Accuracy and cost from the same numbers, and designs of chips optimised by gradient.

- `optimise(model, chip, x, y, loss=..., key=...)`: ADC bits of every layer, read voltage, periods of refresh and drift
  compensation by gradient, tile sizes and replicas by trying; `Optimised`.
- `pose` makes a `Problem` of it and `solve` solves it for `Weights`, by `Descent`, to a `Solution`: for many weights,
  one compilation. `uniform(problem, bits)`, what to compare with; `score`, on chips that were held out; `on_front`.
  `check_model`, before any work; `on_tile_size`.
- `relaxed_terms`, the objective that is differentiated; `task_loss`, `bill_of`, its parts; `Choice`, `VARIABLES`,
  `BOUNDS`, `check_bounds`, `make_box`, `Upkeep`.
- `RelaxedAdc`, noise for steps; `relaxed`, `with_bits`, `with_v_max`: where converters register.
- `Terms`, `Scored`: objective and costs of a design, and its scores; `Box`, bounds; `round_bits`, whole bits of
  relaxed ones.
"""

from ._descent import Descent as Descent, Solution as Solution, round_bits as round_bits, solve as solve
from ._held_out import Scored as Scored, on_front as on_front, score as score
from ._optimise import (
    Optimised as Optimised,
    check_model as check_model,
    on_tile_size as on_tile_size,
    optimise as optimise,
    pose as pose,
    uniform as uniform,
)
from ._problem import (
    Problem as Problem,
    Terms as Terms,
    Upkeep as Upkeep,
    Weights as Weights,
    bill_of as bill_of,
    relaxed_terms as relaxed_terms,
    task_loss as task_loss,
)
from ._relaxed import (
    RelaxedAdc as RelaxedAdc,
    relaxed as relaxed,
    with_bits as with_bits,
    with_v_max as with_v_max,
)
from ._variables import (
    BOUNDS as BOUNDS,
    VARIABLES as VARIABLES,
    Box as Box,
    Choice as Choice,
    check_bounds as check_bounds,
    make_box as make_box,
)
