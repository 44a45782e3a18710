"""Configs are written to a file and loaded from it."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from tiny_config import Load

from aimcjax.config import Config, load_config


@pytest.fixture
def load(tmp_path: Path) -> Load:
    def write_and_load(content: Any, *overrides: str) -> Config:
        text = content if isinstance(content, str) else yaml.safe_dump(content)
        (tmp_path / "config.yaml").write_text(text, encoding="utf-8")
        return load_config(tmp_path / "config.yaml", overrides)

    return write_and_load
