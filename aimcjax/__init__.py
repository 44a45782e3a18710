"""aimcjax: analog in-memory computing in JAX, from one memory cell to the energy of a chip.

    weights ─encode→ targets ─program→ cells ─drift(t)→ conductances ─read→ currents ─adc→ codes ─decode→ y

Parts, in the order of the story: `devices` (one cell), `periphery` (converters), `tiles` (one crossbar), `mapping`
(a matrix on many tiles), `nn` (layers and conversion), `models`, `training`, `chips` (cost), `sweeps` (many chips),
`reports`.
"""

import importlib.metadata


__version__ = importlib.metadata.version("aimcjax")
