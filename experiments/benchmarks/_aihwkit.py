"""The same work with AIHWKit (Rasch et al., arXiv 2104.02184), where it is installed: the extra `peers`."""

# pyright: reportMissingImports=false

import importlib.util
import statistics
import time
from collections.abc import Sequence
from typing import Any

import numpy as np


def installed() -> bool:
    """Whether AIHWKit and PyTorch can be imported."""
    return all(importlib.util.find_spec(name) is not None for name in ("aihwkit", "torch"))


def chip_over_time(images: np.ndarray, times: Sequence[float], *, n_chips: int) -> float:
    """Seconds (median over chips) to program a digits transformer, age it to every time with drift compensation, and
    evaluate the batch of `images` there: the loop of AIHWKit's own inference examples, with its PyTorch tile, which is
    the faster of its two for inference, PCM of Joshi 2020, 8-bit converters and output noise of 0.04."""
    import torch  # noqa: PLC0415  # optional
    from aihwkit.inference import GlobalDriftCompensation, PCMLikeNoiseModel  # noqa: PLC0415
    from aihwkit.nn.conversion import convert_to_analog  # noqa: PLC0415
    from aihwkit.simulator.configs import TorchInferenceRPUConfig  # noqa: PLC0415

    torch.manual_seed(0)
    asked = TorchInferenceRPUConfig()
    asked.forward.inp_res = asked.forward.out_res = 1 / 254
    asked.forward.out_noise = 0.04
    asked.mapping.max_input_size = asked.mapping.max_output_size = 64
    asked.noise_model, asked.drift_compensation = PCMLikeNoiseModel(g_max=25.0), GlobalDriftCompensation()
    model = convert_to_analog(_transformer(torch), asked)
    model.eval()
    batch, spent = torch.from_numpy(np.asarray(images, np.float32)), []
    with torch.no_grad():
        for _ in range(n_chips + 1):
            start = time.perf_counter()
            model.program_analog_weights()
            for t in times:
                model.drift_analog_weights(t)
                model(batch)
            spent.append(time.perf_counter() - start)
    return statistics.median(spent[1:])


def _transformer(torch: Any) -> Any:
    """The network of `configs/quickstart.yaml`: patches of 2x2, width 48, two blocks, four heads."""
    nn = torch.nn

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm1, self.norm2 = nn.LayerNorm(48), nn.LayerNorm(48)
            self.qkv, self.out = nn.Linear(48, 144), nn.Linear(48, 48)
            self.up, self.down = nn.Linear(48, 96), nn.Linear(96, 48)

        def forward(self, x: Any) -> Any:
            n, length, _ = x.shape
            q, k, v = self.qkv(self.norm1(x)).reshape(n, length, 3, 4, 12).permute(2, 0, 3, 1, 4)
            seen = nn.functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(n, length, 48)
            x = x + self.out(seen)
            return x + self.down(nn.functional.gelu(self.up(self.norm2(x))))

    class Transformer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.patches, self.places = nn.Linear(4, 48), nn.Parameter(torch.zeros(16, 48))
            self.blocks, self.norm, self.head = nn.Sequential(Block(), Block()), nn.LayerNorm(48), nn.Linear(48, 10)

        def forward(self, images: Any) -> Any:
            n = images.shape[0]
            patches = images.reshape(n, 4, 2, 4, 2).permute(0, 1, 3, 2, 4).reshape(n, 16, 4)
            return self.head(self.norm(self.blocks(self.patches(patches) + self.places)).mean(dim=1))

    return Transformer()
