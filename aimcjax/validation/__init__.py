r"""Published numbers, recomputed: which results of the literature does aimcjax reproduce?

- `all_checks()`: every `Check`, of one file per source in `papers/`. `select(checks, only=, slow=)`: some of them.
- `run(checks, progress=...)`: computes them; a `Row` each, in order. What fails or raises is a failed row. No tolerance
  is widened to pass, and what agrees because a constant was chosen for it has a verdict of its own, `fitted`.
- `markdown(rows)`, `as_json(rows)`, `write(rows, folder)`, `described(check)`, `compared_with(check)`,
  `shown(numbers, unit)`: the table. `all_good(rows)`: no row failed.
- `Paper`, `Origin`, `Check`; tolerances `Absolute`, `Relative`, `AtMost`, `AtLeast`, `Range`.

To add a source, write `papers/_name2024.py` (it is found by its name) with the public API alone:

    from ...devices import Pcm
    from .._check import Absolute, Check, Origin, Paper

    PAPER = Paper("name2024", "Name et al., Journal 1:2 (2024)", "https://doi.org/...")

    def _nu_mean() -> list[float]:             # numbers in `unit`, as many as are published; no arguments
        with jax.enable_x64(True):             # for closed forms; also inside `jax.numpy_dtype_promotion("strict")`
            return [float(Pcm().nu_mean(jnp.asarray(x))) for x in (0.05, 0.1)]

    CHECKS = (
        Check(PAPER, "nu_mean", "mean drift exponent at g / g_max = 0.05, 0.1", _nu_mean, (0.0708339, 0.0600901),
              Absolute(1e-6), "six digits", Origin.FORMULA),
    )

Where the source gives a range: `published=()` with `Range(low, high)`; where it says it in words, or nothing, and the
bounds are ours, stated beforehand: also `Origin.STATED`. Keys are fixed; several checks share one computation through
`functools.cache`. `seconds` is about what a check takes on two cores where that is more than one (the time left is
estimated from it, and such checks are slow tests); minutes are `slow=True`. `to_be_verified` says what about the
published number is from memory; `known_discrepancy` why it is known not to be met; `fitted` which free constant
was chosen for this number, so that it is met by construction.
"""

from ._check import (
    Absolute as Absolute,
    AbstractTolerance as AbstractTolerance,
    AtLeast as AtLeast,
    AtMost as AtMost,
    Check as Check,
    Origin as Origin,
    Paper as Paper,
    Range as Range,
    Relative as Relative,
)
from ._registry import all_checks as all_checks, select as select
from ._run import Row as Row, Verdict as Verdict, all_good as all_good, run as run
from ._table import (
    as_json as as_json,
    compared_with as compared_with,
    described as described,
    markdown as markdown,
    shown as shown,
    write as write,
)
