"""Objects from text and back: `{type: name, **arguments}`, with units.

- `Role`, `Registry`: what can be named, in which place; `build` and `describe`.
- `read_size`, `read_switch`, `read_quantity`, `read_numbers`, `shorten`: single values, or what is wrong with them.
- `component_schemas`, `quantity_schema`: the same as JSON Schema, for editors; `role_name`, what a role is there.
- `suggest`: what a misspelt name may have meant.
- `read_yaml`, `parse_yaml`: files and text to plain trees.
- `json_text`: results as JSON.
- `read_name`, `limits_of`, `LARGEST_SIZE`: words of a choice, and limits of numbers.
"""

from ._json_schema import (
    component_schemas as component_schemas,
    quantity_schema as quantity_schema,
    role_name as role_name,
)
from ._plain import json_text as json_text
from ._registry import Registry as Registry, Role as Role, limits_of as limits_of
from ._suggest import suggest as suggest
from ._values import (
    LARGEST_SIZE as LARGEST_SIZE,
    read_name as read_name,
    read_numbers as read_numbers,
    read_quantity as read_quantity,
    read_size as read_size,
    read_switch as read_switch,
    shorten as shorten,
)
from ._yaml import parse_yaml as parse_yaml, read_yaml as read_yaml
