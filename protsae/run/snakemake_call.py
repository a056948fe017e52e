"""The Snakemake command line of a run, from the words given to ``protsae run``."""

import os
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from protsae.config.shipped_defaults import pipeline_folder
from protsae.config.yaml_text import read_yaml
from protsae.errors import UserError
from protsae.one_line import shown

OWN_SETTINGS = Path("config.yaml")
"""The workflow reads it in the folder where it runs."""

_ELSEWHERE = re.compile(r"--directory(=|$)|-d")
_VALUE = re.compile(r"[A-Za-z_]\w*=")
_FILE_ENDINGS = (".yaml", ".yml", ".json")
_LIMITS = re.compile(r"(--(cores|jobs|profile|workflow-profile)(=|$)|-[cj]\d*$)")
"""Words that say, or lead to, how many jobs run at once."""


def snakemake_call(
    config: Sequence[Sequence[str]], others: Sequence[str], environment: Mapping[str, str]
) -> list[str]:
    """The command, for the Python that runs protsae.

    Parameters
    ----------
    config : sequence of sequences of str
        The words after each ``--config``: files of settings, and ``KEY=VALUE``. A later word that
        is neither is a target.
    others : sequence of str
        All other words, for Snakemake as they are.
    environment : mapping
        Variables of the environment; Snakemake takes its profile from one.

    Raises
    ------
    UserError
        If a file of settings, config.yaml in the current folder included, is missing or no YAML, or
        holds no settings.
    """
    if OWN_SETTINGS.is_file() and not any(map(_ELSEWHERE.match, others)):
        _validate_settings(OWN_SETTINGS)
    files, values, targets = split_config(config)
    words = [sys.executable, "-P", "-m", "snakemake"]  # -P: no module from the current folder
    # These two take as many words as follow; the others end them.
    words += ["--configfile", *map(str, map(config_file, files))] if files else []
    words += ["--config", *values] if values else []
    words += ["--snakefile", str(pipeline_folder() / "Snakefile")]
    if not environment.get("SNAKEMAKE_PROFILE") and not any(map(_LIMITS.match, others)):
        words += ["--cores", "all"]
    return [*words, *targets, *others]


def split_config(config: Sequence[Sequence[str]]) -> tuple[list[str], list[str], list[str]]:
    """Files, values and targets among the words after each ``--config``.

    Examples
    --------
    >>> split_config([["mine.yaml", "evaluate"], ["results=out"]])
    (['mine.yaml'], ['results=out'], ['evaluate'])
    """
    files, values, targets = [], [], []
    for words in config:
        for number, word in enumerate(words):
            if _VALUE.match(word) and not Path(word).is_file():
                values.append(word)
            elif number == 0 or word.endswith(_FILE_ENDINGS):
                files.append(word)
            else:
                targets.append(word)
    return files, values, targets


def config_file(name: str) -> Path:
    """The file of settings of that name: in the current folder or, if not there, a shipped one.

    Raises
    ------
    UserError
        If there is none, if it is no YAML, or if it holds no settings.
    """
    path, shipped = Path(name), pipeline_folder() / name
    found = path if path.is_file() or not shipped.is_file() else shipped
    if not found.is_file():
        what = "is a folder" if path.is_dir() else "no such file"
        raise UserError(
            f"--config: {name}: {what}; expected a YAML file, by its path from {Path.cwd()}, or "
            "KEY=VALUE"
        )
    _validate_settings(found)
    return found


def _validate_settings(path: Path) -> None:
    """Snakemake would name neither the file nor the line."""
    found = read_yaml(path)
    if not isinstance(found, dict):
        holds = "nothing" if found is None else shown(found)
        raise UserError(f"{path}: holds {holds}; expected settings, such as 'results: my-results'")


def replace_process(command: Sequence[str]) -> None:
    """Become the command: signals reach it, and its exit status is this one's."""
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(command[0], list(command))
