"""aimcjax: analog in-memory computing in JAX, from one memory cell to the energy of a chip.

    weights ─encode→ targets ─program→ cells ─drift(t)→ conductances ─read→ currents ─adc→ codes ─decode→ y

Parts, in the order of the story: `devices` (one cell), `periphery` (converters), `tiles` (one crossbar), `mapping`
(a matrix on many tiles), `nn` (layers and conversion), `models`, `training`, `chips` (cost), `sweeps` (many chips),
`reports`, `validation` (published numbers). `import aimcjax` is enough: parts are imported when they are first used.
"""

import importlib
import importlib.metadata
from types import ModuleType


__version__ = importlib.metadata.version("aimcjax")

_PARTS = (
    "chips", "checkpoint", "config", "datasets", "devices", "mapping", "models", "nn", "periphery", "reports",
    "studies", "sweeps", "tiles", "training", "units", "validation",
)  # fmt: skip


def __getattr__(name: str) -> ModuleType:
    if name in _PARTS:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*globals(), *_PARTS]
