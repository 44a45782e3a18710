"""Double precision for the numbers of papers."""

from collections.abc import Iterator

import jax
import pytest


@pytest.fixture
def x64() -> Iterator[None]:
    """Everything built in the test is float64."""
    with jax.enable_x64(True):
        yield
