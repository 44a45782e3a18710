"""The same work with other simulators, where they are installed.

AIHWKit (Rasch et al., arXiv 2104.02184) on PyTorch, the extra `peers`, with both its tiles: `TORCH`, written in
PyTorch, the quicker one for networks, and `CPP`, its C++ library, which the pulsed updates need. Their settings are
those that its documentation has for hardware-aware training and inference, without bound and noise management, which
would repeat products: 8-bit inputs with ranges that learn, 8-bit outputs, output noise of 0.04, tiles of up to 512
rows. The C++ library is meant to be built with its documented defaults: with
`RPU_USE_FASTRAND` it is up to five times quicker at pulses, whose draws then have 15 bits.

Version 1.1.0 on PyPI builds for PyTorch 2.13 (later ones ask for another standard of C++); its wheel only works with
the PyTorch that it was made for:

    pip install "torch==2.13.*" cmake ninja scikit-build pybind11
    SKBUILD_CONFIGURE_OPTIONS="-DRPU_USE_FASTMOD=ON" pip install --no-build-isolation --no-binary aihwkit aihwkit==1.1.0

AIHWKit-Lightning (on PyTorch) and CrossSim (on NumPy) are not on PyPI:

    pip install git+https://github.com/IBM/aihwkit-lightning git+https://github.com/sandialabs/cross-sim
"""

import importlib.metadata
import importlib.util
import sys


TORCH, CPP = "AIHWKit, torch tile", "AIHWKit, C++ tile"
LIGHTNING, CROSSSIM = "AIHWKit-Lightning", "CrossSim"
NAMES = (TORCH, CPP, LIGHTNING, CROSSSIM)


def has(*modules: str) -> bool:
    """Whether all of these can be imported."""
    return all(importlib.util.find_spec(name) is not None for name in modules)


def installed() -> bool:
    """Whether AIHWKit and PyTorch can be imported."""
    return has("aihwkit", "torch")


def tiles() -> tuple[str, ...]:
    """Those of its tiles that work: the C++ library must have been built for this PyTorch. Says what is missing."""
    if not installed():
        sys.stdout.write("AIHWKit is not installed (extra `peers`)\n")
        return ()
    from . import tile  # noqa: PLC0415  # optional

    broken = tile.why_cpp_fails()
    if broken:
        sys.stdout.write(f"AIHWKit's C++ tile does not work with this PyTorch: {broken}\n")
        return (TORCH,)
    return (TORCH, CPP)


def versions() -> dict[str, str]:
    """Of those that are there."""
    names = {"aihwkit": "aihwkit", "torch": "torch", "aihwkit_lightning": "aihwkit_lightning", "simulator": "CrossSim"}
    return {name: importlib.metadata.version(name) for module, name in names.items() if has(module)}
