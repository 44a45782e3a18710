"""A matrix of any size on a grid of tiles.

- `program_matrix(design, w, key=key)` programs one chip; `matrix(x, t=t, key=key)` multiplies one vector.
- `TiledMatrix.at(t)` is the matrix at one time, for many reads.
- `Partition` says which rows and columns lie on which tile; `GlobalDriftCompensation` undoes the mean drift.
"""

from ._compensation import (
    AbstractCompensation as AbstractCompensation,
    GlobalDriftCompensation as GlobalDriftCompensation,
)
from ._matrix import (
    MatrixSnapshot as MatrixSnapshot,
    TiledMatrix as TiledMatrix,
    program_matrix as program_matrix,
)
from ._partition import Partition as Partition
