"""The digits transformer of `configs/quickstart.yaml` in PyTorch, on chips that age."""

# pyright: reportMissingImports=false

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from aihwkit.nn.conversion import convert_to_analog
from torch import nn

from .settings import aged, settings


class Block(nn.Module):
    """Pre-norm block with self-attention."""

    def __init__(self) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(48), nn.LayerNorm(48)
        self.qkv, self.out = nn.Linear(48, 144), nn.Linear(48, 48)
        self.up, self.down = nn.Linear(48, 96), nn.Linear(96, 48)

    def forward(self, x: Any) -> Any:
        """A batch of sequences of patches."""
        n, length, _ = x.shape
        q, k, v = self.qkv(self.norm1(x)).reshape(n, length, 3, 4, 12).permute(2, 0, 3, 1, 4)
        seen = nn.functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(n, length, 48)
        x = x + self.out(seen)
        return x + self.down(nn.functional.gelu(self.up(self.norm2(x))))


class Transformer(nn.Module):
    """Patches of 2x2, width 48, two blocks, four heads."""

    def __init__(self) -> None:
        super().__init__()
        self.patches, self.places = nn.Linear(4, 48), nn.Parameter(torch.zeros(16, 48))
        self.blocks, self.norm, self.head = nn.Sequential(Block(), Block()), nn.LayerNorm(48), nn.Linear(48, 10)

    def forward(self, images: Any) -> Any:
        """Logits of a batch of images."""
        n = images.shape[0]
        patches = images.reshape(n, 4, 2, 4, 2).permute(0, 1, 3, 2, 4).reshape(n, 16, 4)
        return self.head(self.norm(self.blocks(self.patches(patches) + self.places)).mean(dim=1))


def chip(images: np.ndarray, times: Sequence[float]) -> Callable[[], Any]:
    """Programs a chip, ages it to every time with drift compensation, and computes the batch of `images` there: the
    loop of AIHWKit's own inference examples, with its torch tile, which is the faster of its two for inference."""
    torch.manual_seed(0)
    model: Any = convert_to_analog(Transformer(), settings(cpp=False, rows=64))
    return aged(model, torch.from_numpy(np.asarray(images, np.float32)), times)
