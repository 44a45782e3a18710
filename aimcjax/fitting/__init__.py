"""From measured data to a device.

    data = read_csv("sweep.csv")             # an IV sweep, a pulse train, or a drift trace
    result = fit("vteam", data)              # least squares through the simulation; MODELS lists the models
    chain = posterior(result)                # optional, needs numpyro
    write_preset(result, "preset.yaml")      # what aimcjax.devices.preset("preset.yaml") reads

- `read_csv`, `Data`, `FORMATS`: measurements and their CSV formats.
- `fit`, `FitResult`, `MODELS`, `find_model`, `make_problem`: parameters with standard errors and 95 % intervals.
- `posterior`, `Posterior`, `check_posterior`: the same by Markov chains, without the linearisation.
- `table_device`: a pulsed device from a pulse train without any law, by a table of its steps.
- `write_preset`, `preset_tree`, `check_target`: the preset file.
- `solve`, `covariance`, `Solution`: the least-squares solver, `vmap`-able; `Problem`, `FitModel`, `Parameter` and the
  transforms: how a model is put up for it. `noise_of`: the noise of a measurement from itself.
- `AbstractTransform`: `Free`, `Positive`, `Negative`, `Within`: from all numbers to those that a parameter may have.
"""

from ._data import FORMATS as FORMATS, Data as Data, read_csv as read_csv
from ._fit import (
    MODELS as MODELS,
    FitResult as FitResult,
    find_model as find_model,
    fit as fit,
    make_problem as make_problem,
    noise_of as noise_of,
)
from ._parameters import (
    AbstractTransform as AbstractTransform,
    Free as Free,
    Negative as Negative,
    Parameter as Parameter,
    Positive as Positive,
    Within as Within,
)
from ._posterior import Posterior as Posterior, check_posterior as check_posterior, posterior as posterior
from ._preset import check_target as check_target, preset_tree as preset_tree, write_preset as write_preset
from ._problem import FitModel as FitModel, Problem as Problem
from ._solve import Solution as Solution, covariance as covariance, solve as solve
from ._table import table_device as table_device
