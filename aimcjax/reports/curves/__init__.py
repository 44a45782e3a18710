"""Curves of finished runs.

- `plot_runs`: any of their values over any dimension, swept parameter or part of the config, as a `Drawing`.
- `long_table`, `LongTable`: the values of several runs beside what they are of; `select`: some of them; `curve`,
  `Curve`: means with intervals over chips; `differing`: in what configs differ.
- `first_values`, `scale_of`, `baseline_of`: which values of a run matter most, how people write them, and the digital
  score; `tick_text`: one value as people write it.
"""

from .._axes import tick_text as tick_text
from ._plot import (
    Curve as Curve,
    Drawing as Drawing,
    baseline_of as baseline_of,
    curve as curve,
    first_values as first_values,
    plot_runs as plot_runs,
    scale_of as scale_of,
)
from ._table import (
    LongTable as LongTable,
    differing as differing,
    long_table as long_table,
    select as select,
)
