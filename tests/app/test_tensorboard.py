"""TensorBoard, played by a few lines of shell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from app.tensorboard import TensorBoard, TensorBoardError

if TYPE_CHECKING:
    from pathlib import Path


def _python(folder: Path, words: str) -> Path:
    path = folder / "python"
    path.write_text(f"#!/bin/sh\n{words}\n")
    path.chmod(0o755)
    return path


def test_its_address_is_told_and_it_ends_with_close(tmp_path: Path) -> None:
    said = 'echo "TensorBoard 2.17 at http://127.0.0.1:6006/ (Press CTRL+C)" >&2'
    board = TensorBoard(_python(tmp_path, f"{said}\nexec sleep 60"), tmp_path)

    address = board.open()
    process = board._process
    board.close()

    assert address == "http://127.0.0.1:6006/#graphs"
    assert process is not None
    assert process.returncode is not None


@pytest.mark.parametrize(
    ("words", "told", "hint"),
    [
        ('echo "No module named tensorboard" >&2; exit 1', "not installed", "pip"),
        (
            "echo \"No module named 'pkg_resources'\" >&2; exit 1",
            "No module named 'pkg_resources'",
            "terminal",
        ),
        ('echo "port in use" >&2; exit 1', "port in use", "--logdir"),
    ],
)
def test_what_keeps_it_from_serving_is_told(
    tmp_path: Path, words: str, told: str, hint: str
) -> None:
    board = TensorBoard(_python(tmp_path, words), tmp_path)

    with pytest.raises(TensorBoardError, match=told) as error:
        board.open()
    board.close()

    assert hint in error.value.hint


def test_an_engine_without_a_log_is_told(tmp_path: Path) -> None:
    with pytest.raises(TensorBoardError, match="no log for TensorBoard"):
        TensorBoard(_python(tmp_path, ""), tmp_path / "none").open()
