"""Defects, dies, wafers and prices by name, for configs."""

from ...components import Role
from ._array_repair import SpareLines
from ._defect_yield import AbstractDefectModel, Murphy, NegativeBinomial, Poisson
from ._money import AbstractMachine, AimcMachine, Economics, GpuMachine
from ._redundancy import Die
from ._wafer import Wafer


ROLES = {
    AbstractDefectModel: Role(
        "a defect model", {"poisson": Poisson, "negative_binomial": NegativeBinomial, "murphy": Murphy}
    ),
    Die: Role("a die", {"die": Die}),
    SpareLines: Role("spare lines of an array", {"spare_lines": SpareLines}),
    Wafer: Role("a wafer", {"wafer": Wafer}),
    AbstractMachine: Role("a machine that serves tokens", {"aimc_machine": AimcMachine, "gpu_machine": GpuMachine}),
    Economics: Role("prices and times", {"economics": Economics}),
}
