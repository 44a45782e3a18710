"""A command refuses with one line on standard error, and nothing else."""

from typer.testing import Result


def refusal(result: Result) -> str:
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert isinstance(result.exception, SystemExit)  # and not an error that nobody expected
    return only_line(result.stderr)


def only_line(stderr: str) -> str:
    assert stderr.endswith("\n")
    (line,) = stderr.splitlines()
    assert line.startswith("aimcjax: ")
    assert "Traceback" not in line
    return line
