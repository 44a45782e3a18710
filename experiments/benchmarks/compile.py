"""How long the programs of the main job take to compile: `configs/quickstart.yaml`, its trainings cut to one epoch.

The programs are those of the whole job, for epochs are repeated and chips are split into chunks. Traced, lowered and
compiled, without the cache that a second run would find.

python -m experiments.benchmarks.compile
"""

import collections
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import jax

from aimcjax import config, studies

from ._measure import SECONDS, Row, main


CONFIG = Path(__file__).parents[2] / "configs" / "quickstart.yaml"
PARTS = ("jaxpr_trace_duration", "jaxpr_to_mlir_module_duration", "backend_compile_duration")
LIMIT = 15.0  # s
BOUND = "XLA makes 746 kernels of ten programmed layers and their gradient; layers of one shape in one would be fewer"


def rows(quick: bool) -> Iterator[Row]:
    """The largest programs, then all of them."""
    parts: dict[str, float] = collections.defaultdict(float)
    programs: list[tuple[float, str]] = []

    def note(event: str, duration_secs: float, **kwargs: str | int) -> None:
        if event.endswith(PARTS):
            name = str(kwargs.get("fun_name", "?")).removeprefix("jit(").removesuffix(")")
            parts[name] += duration_secs
            if event.endswith(PARTS[-1]):  # the last of the three
                programs.append((parts.pop(name), name))

    small = ["sweep.n_chips=2", "sweep.times=[1 h]"] if quick else []
    shrunk = ["model={type: mlp, widths: [8]}", "digital_training.batch_size=512"] if quick else []
    cut = ["digital_training.epochs=1", "digital_training.settle=0", "hwa_training.epochs=1", *small, *shrunk]
    settings = config.load_config(CONFIG, cut)
    jax.config.update("jax_enable_compilation_cache", False)
    jax.monitoring.register_event_duration_secs_listener(note)
    with tempfile.TemporaryDirectory() as folder:
        studies.run(settings, Path(folder) / "run")
    jax.monitoring.unregister_event_duration_listener(note)
    jax.config.update("jax_enable_compilation_cache", True)
    for index, (spent, name) in enumerate(sorted(programs, reverse=True)[:3]):
        goal = {} if index else {"goal": LIMIT, "bound": BOUND}
        yield Row(f"compile {name}, no. {index + 1} of quickstart", "a limit", *[spent] * 3, unit=SECONDS, **goal)
    total = sum(spent for spent, _ in programs)
    yield Row(f"compile all {len(programs)} programs of quickstart", "all", *[total] * 3, unit=SECONDS)


if __name__ == "__main__":
    sys.exit(main(__doc__, rows))
