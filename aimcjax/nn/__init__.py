"""Analog layers in a user's own model, and the verbs on whole models.

    analog = convert(model, [Rule(".*", preset("standard_pcm"))])   # still trainable
    analog = calibrate(analog, xs)                                  # input ranges from data
    chip = program(analog, key=key)                                 # one physical chip
    ys = apply(at(chip, t=3600.0), xs, key=key)                     # read an hour later

- `AnalogLinear`, `ProgrammedLinear`, `AgedLinear`: the three lives of a layer; `AbstractForm`, what it does around its
  matrices.
- `programming_reports`: pulses, reads, errors, energy and time of what `program` does.
- `trainable`: which leaves training may change. `with_compensation`, `with_compensation_strength`:
  another drift compensation, or the same at another strength.
- `reused`: a layer in one step of a loop, with read noise of that step; `is_recurrent`: cells that need it not.
- `reestimate_batch_norm`: statistics of batch normalisation as the chip gives them.
- `LsqRange`, `ClippingRange`, `FixedRange`, `VectorRange`, `RunningRange`, `InitialRange`: how input ranges act and
  learn (`with_ranges`). `with_weight_ranges`, `with_designs`, `scale_noise`, `in_precision`: what training changes.
- `with_patches`: digital convolutions as products, quick in loops on CPUs.
- `to_digital`: back to ordinary weights, or to those that a chip holds.
- `summary(model, x)`: the table of layers, digital or analog and why, and who does which share of the products;
  `count_activity`, the counts behind it. `analog_layers`, `matrix_layers`: layers, and single matrices, by name.
- `adapt(model, patterns, rank=..., key=...)`: digital adapters (`LoRA`, `LoHa`) beside layers, in any of their lives;
  `trainable_adapters`, the mask that trains them alone; `adapters_of`, `attach`, `detach`: another task on the same
  chip; `merge` folds them into the weights. `adapter_roles`: which factor a leaf is.
- `to_analog`, `make_analog`, `expert_stack`, `is_lookup`, `map_layers`, `over_stack`: where new layer types and
  frameworks register.
- Bases: `AbstractAnalogLayer`, `AbstractProduct`, `AbstractRangeRule`, `AbstractAdapter`; questions: `is_analog`,
  `is_convertible`, `is_adapter`, `partition_of`, `matrices_shape`.
- `Activity` (of `Step`s and `Product`s), `Summary` (of `LayerRow`s), `input_power`: what counts and tables hold.
- `bind`: read keys by layer. `watched`, `unwatched`: room for what range rules note. `Experts`, `by_group`: stacks of
  experts. `ROLES`: range rules by name, for configs.
"""

from ._activity import Activity as Activity, Product as Product, Step as Step, count_activity as count_activity
from ._adapter_layers import AbstractAdapter as AbstractAdapter, LoHa as LoHa, LoRA as LoRA, is_adapter as is_adapter
from ._adapters import (
    adapt as adapt,
    adapter_roles as adapter_roles,
    adapters_of as adapters_of,
    attach as attach,
    detach as detach,
    merge as merge,
    trainable_adapters as trainable_adapters,
)
from ._batch_norm import reestimate_batch_norm as reestimate_batch_norm
from ._calibrate import calibrate as calibrate, input_power as input_power
from ._convert import (
    analog_layers as analog_layers,
    convert as convert,
    is_convertible as is_convertible,
    is_lookup as is_lookup,
    make_analog as make_analog,
    map_layers as map_layers,
    to_analog as to_analog,
)
from ._digital import to_digital as to_digital
from ._equinox import expert_stack as expert_stack
from ._forms import AbstractForm as AbstractForm, AbstractProduct as AbstractProduct, Experts as Experts
from ._functional import (
    apply as apply,
    at as at,
    bind as bind,
    program as program,
    trainable as trainable,
    with_compensation as with_compensation,
    with_compensation_strength as with_compensation_strength,
)
from ._linear import (
    AbstractAnalogLayer as AbstractAnalogLayer,
    AgedLinear as AgedLinear,
    AnalogLinear as AnalogLinear,
    ProgrammedLinear as ProgrammedLinear,
    is_analog as is_analog,
    matrices_shape as matrices_shape,
    partition_of as partition_of,
)
from ._loops import is_recurrent as is_recurrent
from ._matrices import matrix_layers as matrix_layers
from ._over_stack import over_stack as over_stack
from ._patches import with_patches as with_patches
from ._programming import programming_reports as programming_reports
from ._ranges import (
    AbstractRangeRule as AbstractRangeRule,
    ClippingRange as ClippingRange,
    FixedRange as FixedRange,
    InitialRange as InitialRange,
    LsqRange as LsqRange,
    RunningRange as RunningRange,
    VectorRange as VectorRange,
)
from ._recipes import (
    in_precision as in_precision,
    scale_noise as scale_noise,
    unwatched as unwatched,
    watched as watched,
    with_designs as with_designs,
    with_ranges as with_ranges,
    with_weight_ranges as with_weight_ranges,
)
from ._reuse import reused as reused
from ._roles import ROLES as ROLES
from ._rules import Rule as Rule
from ._stack import by_group as by_group
from ._summary import LayerRow as LayerRow, Summary as Summary, summary as summary
