"""Where data are that do not come with the installation."""

import os
from pathlib import Path


def data_file(*parts: str) -> Path:
    """The path of a file or folder (`parts` of it) in the folder that the environment variable `AIMCJAX_DATA` names.

    **Raises:** `FileNotFoundError` if the variable is not set or nothing is there.
    """
    folder = os.environ.get("AIMCJAX_DATA", "")
    if not folder:
        raise FileNotFoundError(
            f"{'/'.join(parts)} is looked for in the folder that AIMCJAX_DATA names, which is not set; "
            "set it to your folder of data"
        )
    path = Path(folder).joinpath(*parts)
    if not path.exists():
        raise FileNotFoundError(f"no {path}; AIMCJAX_DATA is {folder}: is it the folder that holds {parts[0]}?")
    return path


def read_text(path: Path) -> str:
    """The text of a file in UTF-8. **Raises:** `ValueError` if it is none."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not text in UTF-8: {error.reason} at byte {error.start}") from None
