"""Products and wires in CrossSim (Sandia), on NumPy."""

# pyright: reportMissingImports=false

from collections.abc import Callable
from typing import Any

import numpy as np
from simulator import AnalogCore, CrossSimParameters


OUT_BOUND = 10.0  # full scale of the ADC, in full cells at full input


def mvm(w: np.ndarray, xs: np.ndarray, *, read_noise: float) -> Callable[[], Any]:
    """Products of `xs` in [-1, 1] with a programmed matrix: its PCM of Joshi 2020 in pairs, 8-bit inputs and outputs,
    read noise of so much of every conductance, drawn for every product (zero: none)."""
    asked = CrossSimParameters()
    asked.core.rows_max, asked.core.cols_max = w.shape
    asked.core.mapping.inputs.mvm.min, asked.core.mapping.inputs.mvm.max = -1.0, 1.0
    device = asked.xbar.device
    device.Rmin, device.Rmax = 1 / 25e-6, 100 / 25e-6
    device.programming_error.enable, device.programming_error.model = True, "PCMJoshi"
    if read_noise:
        device.read_noise.enable, device.read_noise.model = True, "NormalProportionalDevice"
        device.read_noise.magnitude = read_noise
    asked.xbar.dac.mvm.model, asked.xbar.dac.mvm.bits = "QuantizerDAC", 8
    asked.xbar.adc.mvm.model, asked.xbar.adc.mvm.bits = "QuantizerADC", 8
    asked.xbar.adc.mvm.calibrated_range = [-OUT_BOUND, OUT_BOUND]
    core, batch = AnalogCore(np.ascontiguousarray(w.T), params=asked), np.ascontiguousarray(xs.T)
    return lambda: core.matmat(batch)


def currents(
    g: np.ndarray, vs: np.ndarray, *, r: float, tolerance: float, relaxation: float = 1.0
) -> Callable[[], np.ndarray]:
    """Currents [A] of voltages `vs` [V] through cells `g` [S] with wires of `r` [Ohm] between any two, to so large an
    error of a voltage, by steps of so much of what is left (it finds smaller ones itself, slowly)."""
    asked, g_max = CrossSimParameters(), float(g.max())
    asked.core.style = "OFFSET"
    asked.core.rows_max, asked.core.cols_max = g.shape
    asked.core.mapping.weights.min, asked.core.mapping.weights.max = -1.0, 1.0
    asked.core.mapping.inputs.mvm.min, asked.core.mapping.inputs.mvm.max = -1.0, 1.0
    asked.xbar.device.Rmin, asked.xbar.device.infinite_on_off_ratio = 1 / g_max, True
    parasitics = asked.xbar.array.parasitics
    parasitics.enable, parasitics.Rp_row, parasitics.Rp_col = True, r, r
    asked.simulation.Verr_th_mvm, asked.simulation.hide_convergence_msg = tolerance, True
    asked.simulation.Niters_max_parasitics, asked.simulation.relaxation_gamma = 1000, relaxation
    # One cell for a weight, half of the range for zero, which is subtracted after the sum: here it is added again.
    core, batch = AnalogCore(np.ascontiguousarray(2 * g.T / g_max - 1), params=asked), np.ascontiguousarray(vs.T)
    return lambda: g_max / 2 * (np.asarray(core.matmat(batch)) + batch.sum(axis=0)).T
