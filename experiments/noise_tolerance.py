"""How much weight noise trained networks bear: the runs given, side by side, without hardware-aware training.

Every matrix gets Gaussian noise of a fraction of the largest weight of each column, and nothing else; the chips differ
in their noise. Published: mixtures of experts keep their perplexity up to noise of 6.3 %, slightly more than dense
networks (Büchel et al., Nat. Comput. Sci. 5:13, 2025, additive Gaussian weight noise on WikiText-103, after
hardware-aware training).

python -m experiments.noise_tolerance runs/char_gpt runs/char_moe --out noise_tolerance.png
"""

import argparse
from pathlib import Path

import jax.numpy as jnp
import jax.random as jr
import matplotlib.pyplot as plt
import numpy as np

from aimcjax import checkpoint, nn, periphery, sweeps, tiles
from aimcjax.config import load_config


NOISE = (0.0, 0.01, 0.02, 0.03, 0.04, 0.063, 0.08)
NEVER = jnp.asarray([0.0])  # this tile does not age


def tolerance(run: Path, network: str, n_chips: int) -> tuple[str, np.ndarray]:
    """The metric's name, and the scores `[noise, chips]` of a network of a run."""
    config = load_config(run / "config.yaml", [])
    data = config.data.load()
    digital = config.model.build(data, jr.key(0))
    exact = {"output_noise": 0.0, "dac": periphery.IdealDac(v_max=1.0), "adc": None, "rows": 4096, "cols": 4096}
    like = digital if network == "baseline" else nn.convert(digital, [nn.Rule(".*", config.tile)])
    trained = nn.to_digital(checkpoint.load(run / "checkpoint", network, like))
    scores = []
    for level in NOISE:
        noisy = nn.convert(trained, [nn.Rule(".*", tiles.WeightLevelTile(noise=level, **exact))])
        found = sweeps.score_over_time(
            noisy, jnp.asarray(data.x_test), jnp.asarray(data.y_test), score=config.data.metric.function,
            n_chips=n_chips, times=NEVER, strengths=jnp.asarray([0.0]), key=jr.key(1),
        )  # fmt: skip
        scores.append(np.asarray(found)[0, :, 0])
    return config.data.metric.name, np.stack(scores)


def main() -> None:
    """Prints a table and draws it."""
    parser = argparse.ArgumentParser(description="Scores of trained networks against weight noise.")
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--network", default="baseline", help="baseline or hwa")
    parser.add_argument("--chips", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path("noise_tolerance.png"))
    asked = parser.parse_args()
    figure, axis = plt.subplots(figsize=(6, 4), layout="constrained")
    for run in asked.runs:
        metric, scores = tolerance(run, asked.network, asked.chips)
        mean, std = scores.mean(1), scores.std(1, ddof=1)
        axis.errorbar(100 * np.asarray(NOISE), mean, yerr=std, marker="o", label=run.name)
        for level, a, b in zip(NOISE, mean, std, strict=True):
            print(f"{run.name:<24}{level:8.1%}{a:10.4f} ± {b:.4f}  {a - mean[0]:+.4f}")  # noqa: T201
        axis.set(xlabel="weight noise [% of the largest weight of a column]", ylabel=metric)
    axis.legend()
    figure.savefig(asked.out, dpi=150)


if __name__ == "__main__":
    main()
