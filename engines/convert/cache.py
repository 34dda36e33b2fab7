"""Find an engine that is already there."""

import shutil
from pathlib import Path
from typing import Any, Dict, Iterator, Optional

from engines.convert.output_folder import OutputFolder
from engines.convert.tensorboard_log import FOLDER_NAME as TENSORBOARD_FOLDER
from engines.documents import read_document
from engines.engine_manifest import (
    ENGINE_MANIFEST_NAME,
    load_engine_manifest,
    require_fitting,
)
from engines.errors import EngineLoadError, ManifestError

REPORT_NAME = "report.json"


def find_engine(folder: Path, key: str) -> Optional[Path]:
    """Look for an engine of a key in a folder and in the folders beside it.

    Its files must be there unchanged. An engine that cannot be read is none.
    """
    for place in _places(folder):
        try:
            manifest = load_engine_manifest(place)
            if manifest.key != key:
                continue
            require_fitting(manifest, place)
            read_report(place)
        except (ManifestError, EngineLoadError):
            continue
        return place
    return None


def _places(folder: Path) -> Iterator[Path]:
    yield folder
    if folder.parent.is_dir():
        for place in sorted(folder.parent.iterdir()):
            # A hidden one belongs to a conversion that is not done.
            is_other = place != folder and not place.name.startswith(".")
            if is_other and (place / ENGINE_MANIFEST_NAME).is_file():
                yield place


def read_report(folder: Path) -> Dict[str, Any]:
    """Read the report beside an engine.

    Raises
    ------
    ManifestError
        If there is none.
    """
    return read_document(folder / REPORT_NAME)


def copy_engine(found: Path, folder: Path) -> None:
    """Copy an engine's folder, so that it is there whole or not at all."""
    output = OutputFolder(folder)
    try:
        for path in found.iterdir():
            if path.name == TENSORBOARD_FOLDER:
                continue  # of the conversion that made it
            if path.is_dir():
                shutil.copytree(str(path), str(output.path / path.name))
            else:
                shutil.copy2(str(path), str(output.path / path.name))
        output.publish()
    finally:
        output.discard()
