"""Studies over many chips.

    data = sweep(models, xs, labels, metrics={"accuracy": accuracy}, n_chips=100, times=times, key=key, store=path)
    table = statistics(data.accuracy)

- `sweep`: chips x times x values in one compiled program for each structure, on all devices, written as it comes and
  continued where it stopped; `Until`, when there are chips enough. `load`: its results; `is_whole`: whether
  all of them can be read.
- `crossed`, `paired`, `sampled` (`Axis`): which values are visited.
- `statistics`, `convergence`, `paired_difference`, `bootstrap`, `summarize`, `half_width`: what chips say together.
- `sensitivity`: the gradient of a loss by every physical parameter.
- `mvm_error`, `OfChip`: metrics of a chip itself.
- `agree`, `agreeing`: where several processes wait for each other; `LostProcess`, if one of them is gone.
- `score_over_time`: chips x times x drift compensation in one program.
- `Summary`, `Sensitivity`: what these return. `StoreError`: why results cannot be read or written.
"""

from ._designs import Axis as Axis, Points as Points, crossed as crossed, paired as paired, sampled as sampled
from ._metrics import OfChip as OfChip, mvm_error as mvm_error
from ._monte_carlo import score_over_time as score_over_time
from ._processes import LostProcess as LostProcess, agree as agree, agreeing as agreeing
from ._sensitivity import Sensitivity as Sensitivity, sensitivity as sensitivity
from ._store import StoreError as StoreError, is_whole as is_whole, load as load
from ._summary import (
    Summary as Summary,
    bootstrap as bootstrap,
    convergence as convergence,
    half_width as half_width,
    paired_difference as paired_difference,
    statistics as statistics,
    summarize as summarize,
)
from ._sweep import Until as Until, sweep as sweep
