"""A config of few words, and the one line that refuses what it was changed to."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aimcjax.config import Config, ConfigError


CONFIGS = Path(__file__).parents[2] / "configs"
Load = Callable[..., Config]


def tiny() -> dict[str, Any]:
    return {
        "name": "tiny",
        "model": {"type": "mlp", "widths": [20, 10]},
        "digital_training": {"epochs": 2, "learning_rate": 5.0e-3},
        "hwa_training": {"epochs": 1, "ages": ["20 s", "1 h"]},
        "tile": {
            "type": "tile",
            "rows": 24,
            "device": {"type": "pcm_joshi2020", "g_max": "30 uS", "programming": [0.01, 0.08], "nu_mean": 0.05},
            "adc": {"type": "uniform_adc", "bits": 6},
        },
        "sweep": {"n_chips": 2, "times": ["20 s", "1 day"]},
        "chip": {"design": {"core": {"cols_per_adc": {"value": 4, "source": "assumed"}}}},
    }


def refusal(load: Load, content: Any, *overrides: str) -> str:
    with pytest.raises(ConfigError) as error:
        load(content, *overrides)
    message = str(error.value)
    assert "\n" not in message
    assert 10 < len(message) < 500
    return message
