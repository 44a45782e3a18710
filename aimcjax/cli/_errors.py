"""Bad input ends a command with exit code 2 and one line, never with a traceback."""

import contextlib
import sys
from collections.abc import Iterator

import typer
from jax.errors import JaxRuntimeError


@contextlib.contextmanager
def one_line() -> Iterator[None]:
    """Turns what is raised for bad input, divergence and lack of memory into `refuse`."""
    try:
        yield
    except (ValueError, FloatingPointError, OSError, MemoryError, JaxRuntimeError) as error:
        if isinstance(error, MemoryError) or "RESOURCE_EXHAUSTED" in str(error):  # which JAX raises as several types
            raise refuse(f"out of memory, try fewer chips or a smaller model: {error}") from None
        if isinstance(error, JaxRuntimeError):
            raise
        raise refuse(_words(error)) from None


def _words(error: Exception) -> str:
    """What the operating system refuses, without its number."""
    if isinstance(error, OSError) and error.filename is not None and error.strerror is not None:
        return f"{error.filename}: {error.strerror.lower()}; nothing can be read or written there, choose another path"
    return str(error)


def refuse(message: str) -> typer.Exit:
    """Says `message` on one line of standard error: what was wrong; raise what it returns."""
    line = " ".join(message.split())
    sys.stderr.write(f"aimcjax: {line}\n")
    return typer.Exit(2)
