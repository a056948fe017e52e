"""The settings that protsae ships, wherever the workflow runs, and where the pipeline lies."""

from pathlib import Path
from typing import Any

from protsae.config.yaml_text import read_yaml

PACKAGE = Path(__file__).parents[1]

PATHS = (("fetch", "input"), ("embed", "model"), ("annotate", "reference_rates"))
"""Keys of the shipped config.yaml that hold the path of a file beside it."""


def pipeline_folder() -> Path:
    """Where Snakefile, config.yaml, workflow/ and data/ are.

    That is the root of the repository in a clone, and ``protsae/pipeline`` in an installed wheel.
    """
    installed = PACKAGE / "pipeline"
    return installed if installed.is_dir() else PACKAGE.parent


def shipped_defaults(path: str | Path, folder: str | Path) -> dict[str, Any]:
    """The shipped settings, for a run in ``folder``.

    Paths in the shipped config.yaml start from its own folder. They stay as they are if the run is
    there, so that it has the same params as ever, and are absolute elsewhere.

    Parameters
    ----------
    path : path
        The shipped config.yaml.
    folder : path
        The current folder of the run.
    """
    home = Path(path).resolve().parent
    settings: dict[str, Any] = read_yaml(path)
    if home != Path(folder).resolve():
        for section, key in PATHS:
            settings[section][key] = str(home / settings[section][key])
    return settings
