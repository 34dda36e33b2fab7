import subprocess
import sys

import pytest

from engines.convert.errors import OutputFolderError
from engines.convert.output_folder import OutputFolder, unfinished_folder


def publish(folder, text):
    output = OutputFolder(folder)
    (output.path / "engine.json").write_text(text)
    output.publish()


@pytest.fixture
def pid_of_the_dead():
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return child.pid


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def test_what_is_published_takes_the_place_of_its_target(tmp_path):
    publish(tmp_path / "out", "first")

    assert (tmp_path / "out" / "engine.json").read_text() == "first"
    assert names_in(tmp_path) == ["out"]


def test_an_earlier_engine_is_replaced(tmp_path):
    publish(tmp_path / "out", "first")

    publish(tmp_path / "out", "second")

    assert (tmp_path / "out" / "engine.json").read_text() == "second"
    assert names_in(tmp_path) == ["out"]


def test_until_it_is_published_the_earlier_engine_is_there(tmp_path):
    publish(tmp_path / "out", "first")

    OutputFolder(tmp_path / "out")

    assert (tmp_path / "out" / "engine.json").read_text() == "first"


def test_what_is_discarded_leaves_nothing(tmp_path):
    output = OutputFolder(tmp_path / "out")
    (output.path / "half").write_text("")

    output.discard()

    assert names_in(tmp_path) == []


def test_an_empty_folder_may_be_the_target(tmp_path):
    (tmp_path / "out").mkdir()

    publish(tmp_path / "out", "first")

    assert names_in(tmp_path / "out") == ["engine.json"]


def test_a_folder_of_other_files_is_refused_and_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")

    with pytest.raises(OutputFolderError, match="other files"):
        OutputFolder(tmp_path)

    assert names_in(tmp_path) == ["thesis.txt"]


def test_a_file_is_refused(tmp_path):
    (tmp_path / "out").write_text("")

    with pytest.raises(OutputFolderError, match="is a file"):
        OutputFolder(tmp_path / "out")


def test_what_a_killed_conversion_left_is_deleted(tmp_path, pid_of_the_dead):
    left = unfinished_folder(tmp_path / "out", pid_of_the_dead)
    left.mkdir()

    OutputFolder(tmp_path / "out").discard()

    assert names_in(tmp_path) == []


def test_an_engine_that_was_being_replaced_is_put_back(tmp_path, pid_of_the_dead):
    publish(tmp_path / "out", "first")
    aside = f".out.replaced-{pid_of_the_dead}"
    (tmp_path / "out").rename(tmp_path / aside)

    OutputFolder(tmp_path / "out").discard()

    assert (tmp_path / "out" / "engine.json").read_text() == "first"


def test_what_another_conversion_is_writing_is_left_alone(tmp_path):
    other = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    unfinished_folder(tmp_path / "out", other.pid).mkdir()

    OutputFolder(tmp_path / "out").discard()

    assert len(names_in(tmp_path)) == 1
    other.communicate(b"\n")
