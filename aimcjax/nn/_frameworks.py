"""Model frameworks besides Equinox, made known when they are in use: importing one takes longer than this package."""

import functools as ft
import importlib
import sys


_REGISTER_THEMSELVES = {"flax.nnx": "._nnx_layers"}


def load_frameworks() -> None:
    """Imports what registers the layers of every framework that the program has imported."""
    for framework, module in _REGISTER_THEMSELVES.items():
        if framework in sys.modules:
            _load(module)


@ft.cache
def _load(module: str) -> None:
    importlib.import_module(module, __package__)
