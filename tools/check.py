"""Runs every check: format, lint, types, imports, Python 3.6 syntax, tests.

One command, the same for a developer and for CI. Every check runs even after one
has failed, and the exit status says whether all passed.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent


class Check(NamedTuple):
    """One command and what it is called."""

    name: str
    command: list[str]


def lint_checks() -> list[Check]:
    """Checks that run no code of ours."""
    python36_files = [
        str(path.relative_to(ROOT))
        for path in sorted((ROOT / "engines").rglob("*.py"))
        if "training" not in path.parts
    ]
    return [
        Check("format", [str(BIN / "ruff"), "format", "--check", "--quiet", "."]),
        Check("lint", [str(BIN / "ruff"), "check", "--quiet", "."]),
        Check("types", [str(BIN / "mypy")]),
        Check("imports", [str(BIN / "lint-imports"), "--no-cache"]),
        Check(
            "Python 3.6 syntax in engines",
            [
                str(BIN / "vermin"),
                "-t=3.6-",
                "--violations",
                "--eval-annotations",
                "--feature",
                "union-types",
                "--quiet",
                *python36_files,
            ],
        ),
    ]


def test_checks() -> list[Check]:
    """Tests in each interpreter that is set up."""
    checks = [Check("tests", [str(BIN / "python"), "-m", "pytest", "-q"])]
    for folder, title in (
        (".venv-engines", "engine tests, TensorFlow 2.17"),
        (".venv-engines36", "engine tests, Python 3.6 and TensorFlow 1.15"),
    ):
        python = ROOT / folder / "bin" / "python"
        if python.exists():
            command = [str(python), "-m", "pytest", "-q", "-c", "tests/engines.ini"]
            checks.append(Check(title, [*command, "tests/engines"]))
        else:
            print(f"not run, {folder} is not set up: {title}")
    return checks


def main() -> int:
    """Run the checks; 0 if all passed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--no-tests", action="store_true", help="leave out the tests")
    checks = lint_checks()
    if not parser.parse_args().no_tests:
        checks += test_checks()
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    failed = []
    for check in checks:
        print(f"== {check.name}", flush=True)
        started = time.monotonic()
        done = subprocess.run(check.command, cwd=ROOT, env=environment, check=False)
        print(f"   {time.monotonic() - started:.1f} s", flush=True)
        if done.returncode:
            failed.append(check.name)
    print("all checks passed" if not failed else f"FAILED: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
