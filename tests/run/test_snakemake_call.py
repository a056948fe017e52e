import re
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from protsae.cli import arguments_of
from protsae.errors import UserError
from protsae.run.snakemake_call import config_file, snakemake_call

ROOT = Path(__file__).parents[2]
SNAKEFILE = ["--snakefile", str(ROOT / "Snakefile")]
ALL_CORES = ["--cores", "all"]


def words_of(line: str, environment: Mapping[str, str] | None = None) -> list[str]:
    """What Snakemake gets for ``protsae run`` and the words of a line."""
    args = arguments_of("run", line.split())
    command = snakemake_call(args.config, args.passed_on, environment or {})
    assert command[:4] == [sys.executable, "-P", "-m", "snakemake"]
    return command[4:]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with mine.yaml, more.yaml and settings in it."""
    for name in ("mine.yaml", "more.yaml", "settings"):
        (tmp_path / name).write_text("results: out\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("line", "words"),
    [
        pytest.param("", [*SNAKEFILE, *ALL_CORES], id="nothing"),
        pytest.param("--cores 2", [*SNAKEFILE, "--cores", "2"], id="cores"),
        pytest.param("-c2 -n", [*SNAKEFILE, "-c2", "-n"], id="cores, short"),
        pytest.param("-j 3", [*SNAKEFILE, "-j", "3"], id="jobs"),
        pytest.param("--profile=lab", [*SNAKEFILE, "--profile=lab"], id="profile"),
        pytest.param(
            "--workflow-profile slurm", [*SNAKEFILE, "--workflow-profile", "slurm"], id="slurm"
        ),
        pytest.param(
            "embed -R train_saes --set-threads split=2",
            [*SNAKEFILE, *ALL_CORES, "embed", "-R", "train_saes", "--set-threads", "split=2"],
            id="all else in its order",
        ),
        pytest.param(
            "--config mine.yaml evaluate",
            ["--configfile", "mine.yaml", *SNAKEFILE, *ALL_CORES, "evaluate"],
            id="file, then target",
        ),
        pytest.param(
            "evaluate --config mine.yaml --cores 2",
            ["--configfile", "mine.yaml", *SNAKEFILE, "evaluate", "--cores", "2"],
            id="target, then file",
        ),
        pytest.param(
            "--configfile mine.yaml more.yaml",
            ["--configfile", "mine.yaml", "more.yaml", *SNAKEFILE, *ALL_CORES],
            id="two files, as Snakemake calls them",
        ),
        pytest.param(
            "--config=settings --config more.yaml results=o -C onehot=false",
            [
                *("--configfile", "settings", "more.yaml", "--config", "results=o", "onehot=false"),
                *(*SNAKEFILE, *ALL_CORES),
            ],
            id="files and values",
        ),
    ],
)
def test_what_snakemake_gets(folder: Path, line: str, words: list[str]) -> None:
    assert words_of(line) == words


def test_a_profile_of_the_environment_says_how_many_cores() -> None:
    assert words_of("-n", {"SNAKEMAKE_PROFILE": "lab"}) == [*SNAKEFILE, "-n"]


def test_shipped_configurations_go_by_their_names(folder: Path) -> None:
    assert config_file("config/sweep.yaml") == ROOT / "config/sweep.yaml"
    (folder / "config").mkdir()
    (folder / "config/sweep.yaml").write_text("results: mine\n")
    assert config_file("config/sweep.yaml") == Path("config/sweep.yaml"), "one's own comes first"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("no.yaml", "--config: no.yaml: no such file; expected a YAML file, by its path from {}, "),
        ("folder", "--config: folder: is a folder; expected a YAML file, by its path from {}, "),
        ("bad.yaml", "bad.yaml: not YAML: "),
    ],
)
def test_a_file_that_is_no_configuration(folder: Path, name: str, message: str) -> None:
    (folder / "folder").mkdir()
    (folder / "bad.yaml").write_text("a: [1\n")
    with pytest.raises(UserError) as caught:
        config_file(name)
    assert str(caught.value).startswith(message.format(folder))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("", "nothing"),
        ("# results: x\n", "nothing"),
        ("- a\n", "a list of 1"),
        ("hello\n", "'hello'"),
    ],
)
@pytest.mark.parametrize("line", ["", "--config mine.yaml"])
def test_settings_that_are_none_are_named(folder: Path, line: str, text: str, holds: str) -> None:
    name = "mine.yaml" if line else "config.yaml"
    (folder / name).write_text(text)
    message = f"{name}: holds {holds}; expected settings, such as 'results: my-results'"
    with pytest.raises(UserError, match=f"^{re.escape(message)}$"):
        words_of(line)


def test_a_config_yaml_that_is_no_yaml_is_named_with_its_line(folder: Path) -> None:
    (folder / "config.yaml").write_text("a:\n\t- b\n")
    with pytest.raises(UserError, match=r"^config\.yaml: not YAML: .* line 2, column 1"):
        words_of("")


@pytest.mark.parametrize("words", ["--directory other", "--directory=other", "-d other"])
def test_the_config_yaml_of_another_folder_is_left_to_snakemake(folder: Path, words: str) -> None:
    (folder / "config.yaml").write_text("")
    assert words_of(words)[-1] in (words, "other")
