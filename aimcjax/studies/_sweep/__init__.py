"""Chips x times x values of any field of a config, behind `aimcjax sweep`.

- `sweep(config, out)`: trains what its points need, then fills `results.zarr`; goes on where it was stopped.
  `is_finished_sweep`: whether there is nothing left to do; `is_damaged_sweep`: whether there is again.
- `_points`: the config and the network of every point, and which of them share a training.
- `_report`: tables, findings and pictures of the store.
"""

from ._sweep import is_damaged_sweep as is_damaged_sweep, is_finished_sweep as is_finished_sweep, sweep as sweep
