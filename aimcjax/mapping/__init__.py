"""A matrix of any size on a grid of tiles.

- `program_matrix(design, w, key=key)` programs one chip; `matrix(x, t=t, key=key)` multiplies one vector.
- `TiledMatrix.at(t)` is the matrix at one time, for many reads.
- `Partition` says which rows and columns lie on which tile; `GlobalDriftCompensation` undoes the mean drift of
  a tile, `ColumnDriftCompensation` that of every column.
- `calibrate_matrix(matrix, x, wanted, t=t, key=key)` corrects outputs by what known vectors gave: `AffineColumns`,
  `ColumnGain`, `GlobalGain`; `PeriodicCalibration` and `calibrated_over_time` say when.
- `calibrate_adc(design, programmed, xs, key=key)`: ranges of the ADCs from what they see, also of every slice.
- `programming_report`: pulses, energy and time that programming takes.
- `averaged(matrices)`: the mean of several programmed copies.
- `MatrixSnapshot`, `AveragedMatrix` (of `program_copies`), `CalibratedMatrix` (with its `Correction`): matrices at
  one time; `answers`: what they say to known vectors.
- `AbstractCompensation`, `AbstractCorrector`: bases. `ROLES`: all by name, for configs.
"""

from ._averaging import AveragedMatrix as AveragedMatrix, averaged as averaged, program_copies as program_copies
from ._calibrate_adc import calibrate_adc as calibrate_adc
from ._calibration import (
    AbstractCorrector as AbstractCorrector,
    AffineColumns as AffineColumns,
    CalibratedMatrix as CalibratedMatrix,
    ColumnGain as ColumnGain,
    Correction as Correction,
    GlobalGain as GlobalGain,
    PeriodicCalibration as PeriodicCalibration,
    answers as answers,
    calibrate_matrix as calibrate_matrix,
    calibrated_over_time as calibrated_over_time,
)
from ._compensation import (
    AbstractCompensation as AbstractCompensation,
    ColumnDriftCompensation as ColumnDriftCompensation,
    GlobalDriftCompensation as GlobalDriftCompensation,
)
from ._matrix import (
    MatrixSnapshot as MatrixSnapshot,
    TiledMatrix as TiledMatrix,
    program_matrix as program_matrix,
)
from ._partition import Partition as Partition
from ._programming import programming_report as programming_report
from ._roles import ROLES as ROLES
