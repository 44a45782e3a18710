"""In-memory training: arrays that hold the weights learn by pulses, without the weights ever leaving them.

    device, rule = in_memory.preset("agad_reram_sb", lr=0.1)            # or: rule = in_memory.ttv2(device, lr=0.1)
    state = rule.init(analog, key=k0)                                   # analog: a pytree of matrices w[n_in, n_out]
    loss, xd, grads = in_memory.outer_factors(loss_of_sample, analog, digital, xs, ys, key=k1)
    analog, state, stats = rule.update(xd, state, key=k2)               # digital ones: optax, with grads

Weights are in the normalised units of `devices.pulsed`. Everything is pure; a state holds arrays alone.

- Rules: `sgd`, `tiki_taka`, `ttv2`, `cttv2`, `agad`, `residual`, `mixed_precision`, `delta_rule`, `batch_update`; their
  algorithms for one array: `Sgd`, `TikiTaka`, `Ttv2`, `Agad`, `Residual`, `MixedPrecision`, `DeltaRule`, `BatchUpdate`.
- Devices: any pulsed one, look-up tables included, and `OneSidedPair`, `VectorCell` (`EveryDevice`, `OneInTurn`,
  `OneAtRandom`); one of your own registers `apply_counts`, `write` and, for what comes with a batch, `rested`.
- The parallel update, `outer_update`: `PulsedUpdate` of trains (`Stochastic`, `Deterministic`, `MeanCount`,
  `MeanField`), a `Management` and an order (`EverySample`, `EveryPulse`, `EveryGroup`, `Summed`).
- Products: `linear` in models, `outer_factors`; `IdealMvm`, `NoisyMvm`, `transfer_mvm`.
- Costs: `WriteStats`, `WriteCost`, `lifetime`, `runtime`. Presets: `preset`, `preset_names`.
- Bases: `AbstractAlgorithm`, `AbstractCoincidences`, `AbstractTrains`, `AbstractOrder`, `AbstractMvm`. A rule is an
  `InMemoryRule` with `InMemoryState`.
- Of arrays: `PairCells`, `VectorCells`, `DeltaRuleState`, `MixedPrecisionState`, `ResidualState`, `TransferState`; of
  an update: `Outer` (by `Tap`s), `Lines`, `BitStreams`, `Given`, `total_counts`, `Written`; `Lifetime`.
"""

from ._agad import Agad as Agad, agad as agad
from ._batch_update import BatchUpdate as BatchUpdate, batch_update as batch_update
from ._cells import rested as rested, write as write
from ._compound import (
    EveryDevice as EveryDevice,
    OneAtRandom as OneAtRandom,
    OneInTurn as OneInTurn,
    OneSidedPair as OneSidedPair,
    PairCells as PairCells,
    VectorCell as VectorCell,
    VectorCells as VectorCells,
)
from ._delta_rule import DeltaRule as DeltaRule, DeltaRuleState as DeltaRuleState, delta_rule as delta_rule
from ._factors import Tap as Tap, linear as linear, outer_factors as outer_factors
from ._management import Lines as Lines, Management as Management
from ._mixed_precision import (
    MixedPrecision as MixedPrecision,
    MixedPrecisionState as MixedPrecisionState,
    mixed_precision as mixed_precision,
)
from ._mvm import AbstractMvm as AbstractMvm, IdealMvm as IdealMvm, NoisyMvm as NoisyMvm, transfer_mvm as transfer_mvm
from ._order import (
    AbstractOrder as AbstractOrder,
    EveryGroup as EveryGroup,
    EveryPulse as EveryPulse,
    EverySample as EverySample,
    Summed as Summed,
    total_counts as total_counts,
)
from ._presets import preset as preset, preset_names as preset_names
from ._pulse_update import PulsedUpdate as PulsedUpdate, apply_counts as apply_counts, outer_update as outer_update
from ._residual import Residual as Residual, ResidualState as ResidualState, residual as residual
from ._rule import (
    AbstractAlgorithm as AbstractAlgorithm,
    InMemoryRule as InMemoryRule,
    InMemoryState as InMemoryState,
    Outer as Outer,
    Written as Written,
)
from ._runtime import runtime as runtime
from ._sgd import Sgd as Sgd, sgd as sgd
from ._stats import Lifetime as Lifetime, WriteCost as WriteCost, WriteStats as WriteStats, lifetime as lifetime
from ._streams import (
    AbstractCoincidences as AbstractCoincidences,
    AbstractTrains as AbstractTrains,
    BitStreams as BitStreams,
    Deterministic as Deterministic,
    Given as Given,
    MeanCount as MeanCount,
    MeanField as MeanField,
    Products as Products,
    Stochastic as Stochastic,
)
from ._tiki_taka import TikiTaka as TikiTaka, tiki_taka as tiki_taka
from ._transfer import TransferState as TransferState
from ._ttv2 import Ttv2 as Ttv2, cttv2 as cttv2, ttv2 as ttv2
