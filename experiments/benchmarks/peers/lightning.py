"""A hardware-aware step of the GPT in AIHWKit-Lightning (Büchel et al., 2024), its PyTorch code."""

# pyright: reportMissingImports=false

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from aihwkit_lightning.nn.conversion import convert_to_analog
from aihwkit_lightning.optim import AnalogOptimizer
from aihwkit_lightning.simulator.configs import TorchInferenceRPUConfig, WeightNoiseInjectionType

from aimcjax.models import Gpt2Config

from .gpt import Gpt, step


def settings(rows: int, weight_noise: float) -> Any:
    """8-bit inputs with learned ranges, 8-bit outputs up to 10, output noise of 0.04, noise of so much of the largest
    weight of a column: what our tiles at weight level do."""
    asked = TorchInferenceRPUConfig()
    asked.forward.inp_res = asked.forward.out_res = 1 / 254
    asked.forward.out_noise, asked.forward.out_noise_per_channel, asked.forward.out_bound = 0.04, True, 10.0
    asked.pre_post.input_range.enable, asked.pre_post.input_range.init_from_data = True, 0
    asked.modifier.noise_type = WeightNoiseInjectionType.ADD_NORMAL_PER_CHANNEL
    asked.modifier.std_dev, asked.mapping.max_input_size = weight_noise, rows
    return asked


def hwa_step(sizes: Gpt2Config, tokens: np.ndarray, *, rows: int, weight_noise: float) -> Callable[[], Any]:
    """A step of AdamW on tiles of so many rows."""
    model: Any = convert_to_analog(Gpt(sizes), settings(rows, weight_noise))
    model.train()
    return step(model, AnalogOptimizer(torch.optim.AdamW, model.analog_layers, model.parameters(), lr=1e-4), tokens)
