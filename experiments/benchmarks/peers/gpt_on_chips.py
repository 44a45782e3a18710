"""The GPT in AIHWKit: hardware-aware steps, and chips that age."""

# pyright: reportMissingImports=false

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from aihwkit.nn.conversion import convert_to_analog
from aihwkit.optim import AnalogAdam, AnalogOptimizer

from aimcjax.models import Gpt2Config

from .gpt import Gpt, step
from .settings import aged, settings


def hwa_step(sizes: Gpt2Config, tokens: np.ndarray, *, cpp: bool, weight_noise: float) -> Callable[[], Any]:
    """A hardware-aware step: AdamW as PyTorch has it for weights of the torch tile; those of the C++ tile only know its
    own gradient step, the rest Adam."""
    model: Any = convert_to_analog(Gpt(sizes), settings(cpp=cpp, weight_noise=weight_noise))
    model.train()
    parameters = model.parameters()
    adam = AnalogAdam(parameters, lr=1e-4) if cpp else AnalogOptimizer(torch.optim.AdamW, parameters, lr=1e-4)
    return step(model, adam, tokens)


def chip(sizes: Gpt2Config, tokens: np.ndarray, times: Sequence[float], *, cpp: bool) -> Callable[[], Any]:
    """Programs a chip, ages it to every time and computes the batch there: the loop of its own inference examples."""
    model: Any = convert_to_analog(Gpt(sizes), settings(cpp=cpp))
    return aged(model, torch.from_numpy(np.asarray(tokens, np.int64)), times)
