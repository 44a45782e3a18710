"""Networks, as plain Equinox models: `convert` puts their linear layers on tiles.

- `Mlp`: perceptron on the flattened input.
- `VisionTransformer`: patches, attention, MLP; `Attention`, `FeedForward`, `Block` are its parts.
"""

from ._mlp import Mlp as Mlp
from ._vit import (
    Attention as Attention,
    Block as Block,
    FeedForward as FeedForward,
    VisionTransformer as VisionTransformer,
)
