"""Settings of all tests: strict arrays, several CPU devices, reproducible keys."""

import os
import pathlib
import zlib
from collections.abc import Callable, Iterator

import jax
import jax.random as jr
import jaxtyping
import pytest


# Nearly all the time of a test is XLA's compiler, for programs that run once. This changes how fast code is made, not
# what it computes. XLA reads its flags when it first compiles; the commands that tests start inherit them.
QUICK_COMPILATION = "--xla_cpu_use_fusion_emitters=false --xla_cpu_parallel_codegen_split_count=1"
os.environ["XLA_FLAGS"] = f"{QUICK_COMPILATION} {os.environ.get('XLA_FLAGS', '')}".strip()  # one's own flags win
jax.config.update("jax_disable_most_optimizations", True)

jax.config.update("jax_platforms", "cpu")  # the same tests on machines with an accelerator
jax.config.update("jax_num_cpu_devices", 8)
jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_numpy_dtype_promotion", "strict")


@pytest.hookimpl(tryfirst=True)  # before the fixtures of a module
def pytest_runtest_setup(item: pytest.Item) -> None:
    """What is slow runs long, so it is worth optimising."""
    jax.config.update("jax_disable_most_optimizations", item.get_closest_marker("slow") is None)


@pytest.fixture
def getkey(request: pytest.FixtureRequest) -> Callable[[], jax.Array]:
    """A new key at every call, the same in every run of the same test."""
    state = {"key": jr.key(zlib.crc32(request.node.nodeid.encode()))}

    def next_key() -> jax.Array:
        state["key"], key = jr.split(state["key"])
        return key

    return next_key


@pytest.fixture
def elsewhere(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """The empty folder that a command is started in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def as_installed() -> Iterator[None]:
    """Without the type checks of the tests: what users see."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


@pytest.fixture(scope="session")
def data_folder() -> str:
    """The folder of data sets that are not bundled."""
    folder = os.environ.get("AIMCJAX_DATA", "")
    if not os.path.isdir(folder):
        pytest.skip("AIMCJAX_DATA does not point to a folder with data sets")
    return folder
