"""A new folder for a run: settings to edit, a profile for a cluster, and what to do with them."""

import shutil
from pathlib import Path

from protsae.config.shipped_defaults import pipeline_folder
from protsae.errors import UserError


def project_files() -> dict[str, Path]:
    """The shipped files that a new project gets a copy of, by their path in it."""
    workflow = pipeline_folder() / "workflow"
    return {
        "README.md": workflow / "project/README.md",
        "config.yaml": workflow / "project/config.yaml",
        "profiles/slurm/profile.yaml": workflow / "profiles/slurm/profile.yaml",
    }


def write_project(folder: str | Path) -> list[Path]:
    """Write the files of a new project; returns their paths.

    Raises
    ------
    UserError
        If one of them is there already; then nothing is written.
    """
    targets = {Path(folder) / name: source for name, source in project_files().items()}
    taken = [path for path in targets if path.exists()]
    if Path(folder).is_file():
        taken = [Path(folder)]
    if taken:
        raise UserError(
            f"{taken[0]}: there is such a file already; nothing was written; expected a new or "
            "empty folder; choose another"
        )
    for path, source in targets.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, path)
    return list(targets)
