"""The GPT of `configs/char_gpt.yaml` in PyTorch, and steps of its training."""

# pyright: reportMissingImports=false

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from aimcjax.models import Gpt2Config


class Block(nn.Module):
    """Pre-norm block with causal self-attention."""

    def __init__(self, dim: int, n_heads: int, hidden: int) -> None:
        super().__init__()
        self.norm1, self.norm2, self.n_heads = nn.LayerNorm(dim), nn.LayerNorm(dim), n_heads
        self.qkv, self.out = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
        self.up, self.down = nn.Linear(dim, hidden), nn.Linear(hidden, dim)

    def forward(self, x: Any) -> Any:
        """A batch of sequences."""
        n, length, dim = x.shape
        heads = self.qkv(self.norm1(x)).reshape(n, length, 3, self.n_heads, dim // self.n_heads)
        q, k, v = heads.permute(2, 0, 3, 1, 4)
        seen = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(seen.transpose(1, 2).reshape(n, length, dim))
        return x + self.down(functional.gelu(self.up(self.norm2(x)), approximate="tanh"))


class Gpt(nn.Module):
    """As `aimcjax.models.Gpt2`, its head not tied."""

    def __init__(self, sizes: Gpt2Config) -> None:
        super().__init__()
        assert sizes.hidden is not None
        self.embedding = nn.Embedding(sizes.vocab_size, sizes.dim)
        self.positions = nn.Embedding(sizes.n_positions, sizes.dim)
        blocks = [Block(sizes.dim, sizes.n_heads, sizes.hidden) for _ in range(sizes.n_layers)]
        self.blocks, self.norm = nn.Sequential(*blocks), nn.LayerNorm(sizes.dim)
        self.head = nn.Linear(sizes.dim, sizes.vocab_size, bias=False)

    def forward(self, tokens: Any) -> Any:
        """Logits of a batch of sequences."""
        places = torch.arange(tokens.shape[1])
        return self.head(self.norm(self.blocks(self.embedding(tokens) + self.positions(places))))


def plain_step(sizes: Gpt2Config, tokens: np.ndarray) -> Callable[[], Any]:
    """A step of AdamW, digital."""
    model = Gpt(sizes)
    return step(model, torch.optim.AdamW(model.parameters(), lr=1e-4), tokens)


def step(model: Any, optimiser: Any, tokens: np.ndarray) -> Callable[[], Any]:
    """A step of next tokens."""
    batch = torch.from_numpy(np.asarray(tokens, np.int64))

    def run() -> None:
        optimiser.zero_grad()
        logits = model(batch[:, :-1])
        functional.cross_entropy(logits.reshape(-1, logits.shape[-1]), batch[:, 1:].reshape(-1)).backward()
        optimiser.step()

    return run
