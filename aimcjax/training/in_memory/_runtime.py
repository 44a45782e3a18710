"""How long an update takes on chip: the estimate of published comparisons."""

_CYCLES = {  # operations of digital units per sample, as functions of n and n_s; whether reads come with it
    "ttv2": lambda n, n_s: 2 * n + 2 * n / n_s,
    "cttv2": lambda n, n_s: 2 * n + 2 * n / n_s,
    "agad": lambda n, n_s: 2 * n + 6 * n / n_s,
    "sgd": lambda n, n_s: 2 * n,
    "mixed_precision": lambda n, n_s: 2 * n**2 + n,
}


def runtime(
    algorithm: str,
    n: int = 512,
    n_s: float = 2,
    pulse_length: float = 5,
    t_pulse: float = 5e-9,
    t_mvm: float = 40e-9,
    batch: int = 100,
    flops: float = 0.7e12,
    tiles: int = 4,
) -> float:
    r"""Seconds that the update of an n x n array takes per sample: digital operations over `flops / tiles`, and analog
    time.

    | algorithm | operations | analog time |
    |---|---|---|
    | ttv2, cttv2 | $2n + 2n/n_s$ | $(l + 1/n_s)t_{pulse} + t_{mvm}/n_s$ |
    | agad | $2n + 6n/n_s$ | the same |
    | sgd | $2n$ | $l\,t_{pulse}$ |
    | mixed_precision | $2n^2 + n$ | $(n/B)\,t_{pulse}$ |

    **Arguments:** `algorithm`; `n` rows and columns; `n_s` samples per read; `pulse_length` l, the mean number of
    slots; `t_pulse`, `t_mvm` [s]; `batch` B of mixed precision; `flops` [1/s] of the digital unit that `tiles` share.

    **Raises:** `ValueError` for another algorithm, or a number that is not positive.

    **Reference:** Rasch et al., Nat. Commun. 15:7133 (2024), Table 1. Its Methods print twice the pulse time, with
    which the table does not come out.
    """
    if algorithm not in _CYCLES:
        raise ValueError(f"no published runtime of {algorithm!r}; known: {', '.join(sorted(_CYCLES))}")
    numbers = {"n": n, "n_s": n_s, "pulse_length": pulse_length, "t_pulse": t_pulse, "t_mvm": t_mvm, "batch": batch,
               "flops": flops, "tiles": tiles}  # fmt: skip
    for name, value in numbers.items():
        if not value > 0:
            raise ValueError(f"{name} of a runtime is above 0, got {value}")
    digital = _CYCLES[algorithm](n, n_s) * tiles / flops
    if algorithm == "mixed_precision":
        return digital + n / batch * t_pulse
    if algorithm == "sgd":
        return digital + pulse_length * t_pulse
    return digital + (pulse_length + 1 / n_s) * t_pulse + t_mvm / n_s
