"""Parts of a layer by name, for configs."""

from ..components import Role
from ._ranges import (
    AbstractRangeRule,
    ClippingRange,
    FixedRange,
    InitialRange,
    LsqRange,
    RunningRange,
    VectorRange,
)


ROLES = {
    AbstractRangeRule: Role(
        "a rule of input ranges",
        {
            "lsq": LsqRange,
            "clipping": ClippingRange,
            "fixed": FixedRange,
            "vector": VectorRange,
            "running": RunningRange,
            "initial": InitialRange,
        },
    ),
}
