"""Settings of AIHWKit's tiles for networks, and how chips of them age."""

# pyright: reportMissingImports=false

from collections.abc import Callable, Sequence
from typing import Any

import torch
from aihwkit.inference import GlobalDriftCompensation, PCMLikeNoiseModel
from aihwkit.simulator.configs import InferenceRPUConfig, TorchInferenceRPUConfig
from aihwkit.simulator.parameters.enums import BoundManagementType, NoiseManagementType, WeightModifierType


def settings(*, cpp: bool, rows: int = 512, weight_noise: float = 0.0, ranges: bool = True) -> Any:
    """8-bit inputs and outputs, output noise of 0.04, PCM of Joshi 2020 with drift compensation by tile; noise of so
    much of the largest weight in every step of training; inputs by learned `ranges`, or by the largest of a vector."""
    asked = InferenceRPUConfig() if cpp else TorchInferenceRPUConfig()
    asked.forward.inp_res = asked.forward.out_res = 1 / 254
    asked.forward.out_noise, asked.forward.out_bound = 0.04, 10.0
    asked.forward.bound_management = BoundManagementType.NONE
    asked.forward.noise_management = NoiseManagementType.NONE if ranges else NoiseManagementType.ABS_MAX
    asked.pre_post.input_range.enable, asked.pre_post.input_range.init_from_data = ranges, 0
    asked.mapping.max_input_size, asked.mapping.max_output_size = rows, 0
    if weight_noise:
        asked.modifier.type, asked.modifier.std_dev = WeightModifierType.ADD_NORMAL, weight_noise
    asked.noise_model, asked.drift_compensation = PCMLikeNoiseModel(g_max=25.0), GlobalDriftCompensation()
    return asked


def aged(model: Any, batch: Any, times: Sequence[float]) -> Callable[[], Any]:
    """Programs a chip of `model`, ages it to every time [s] and computes the `batch` there."""
    model.eval()

    @torch.no_grad()
    def run() -> None:
        model.program_analog_weights()
        for t in times:
            model.drift_analog_weights(t)
            model(batch)

    return run
