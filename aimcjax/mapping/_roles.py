"""Parts of a matrix by name, for configs."""

from ..components import Role
from ._compensation import AbstractCompensation, ColumnDriftCompensation, GlobalDriftCompensation


ROLES = {
    AbstractCompensation: Role(
        "a drift compensation",
        {"global_drift_compensation": GlobalDriftCompensation, "column_drift_compensation": ColumnDriftCompensation},
    ),
}
