"""Typed configs: YAML in, objects out. Only this package knows pydantic.

    tile: {type: tile, rows: 64, device: {type: pcm_joshi2020, g_max: 30 uS}}

Quantities carry units and become SI. The constructor of a component is its schema, one registry for each role;
unknown keys, types and units are refused with what was expected.

- `load_config(path, overrides)`: a `Config`, or a `ConfigError` of one line.
- `TrainingConfig`: what the sections of trainings have in common.
- `shapes(config.model, data, key)`: the network with shapes for arrays, before anything is allocated.
- `load_study(path, overrides)`: that of the study which its key `study` names: `InMemoryToyConfig`,
  `InMemoryTrainingConfig`, `DeltaRuleStudyConfig`, `InMemoryLoraConfig`, `ServiceConfig`, `EconomicsConfig`,
  `CodesignConfig`. `load_placed`, of those that put one model on a chip.
- `vary(config, point)`: a config at a point of its sweep; `coordinate`, values of an axis in SI; `METRICS` of sweeps.
- `json_schema(study)`: what editors need to complete and to check configs.
- `policy_yaml(policy)`: the text of a runtime policy. `build`, `describe`: components from and to `{type: name, ...}`.
"""

from ._codesign import CodesignConfig as CodesignConfig
from ._components import build as build, describe as describe
from ._economics import EconomicsConfig as EconomicsConfig
from ._in_memory import (
    DeltaRuleStudyConfig as DeltaRuleStudyConfig,
    InMemoryLoraConfig as InMemoryLoraConfig,
    InMemoryToyConfig as InMemoryToyConfig,
    InMemoryTrainingConfig as InMemoryTrainingConfig,
)
from ._json_schema import json_schema as json_schema
from ._load import (
    ConfigError as ConfigError,
    load_config as load_config,
    load_placed as load_placed,
    load_study as load_study,
    vary as vary,
)
from ._models import shapes as shapes
from ._schema import Config as Config
from ._service import ServiceConfig as ServiceConfig, policy_yaml as policy_yaml
from ._sweep import METRICS as METRICS, coordinate as coordinate
from ._training import TrainingConfig as TrainingConfig
