import copy
from pathlib import Path

import pytest
from snakemake.utils import update_config

from protsae.config.settings import read_config
from protsae.config.yaml_text import read_yaml
from protsae.errors import UserError
from protsae.run.project_folder import write_project

ROOT = Path(__file__).parents[2]
FILES = ["README.md", "config.yaml", "profiles/slurm/profile.yaml"]


def test_a_new_project_has_settings_a_profile_and_a_readme(tmp_path: Path) -> None:
    folder = tmp_path / "deeper" / "my project"
    written = write_project(folder)
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    assert written == found == [folder / name for name in FILES]
    assert len((folder / "README.md").read_text().splitlines()) <= 40, "one screen"


def test_its_settings_are_the_defaults(tmp_path: Path) -> None:
    """As written, they change nothing: no key has drifted from the shipped config.yaml."""
    write_project(tmp_path)
    shipped = read_yaml(ROOT / "config.yaml")
    for section, values in read_yaml(tmp_path / "config.yaml").items():
        changed = {section: copy.deepcopy(shipped[section])}
        update_config(changed, {section: values})
        assert changed == {section: shipped[section]}


CHOICES = (
    ("input: proteins.fasta", "annotations: annotations.tsv"),
    ("input: uniprot", "query: "),
    ("model: ",),
    ("precision: ",),
)


@pytest.mark.parametrize("choices", CHOICES, ids=lambda choices: choices[0])
def test_a_choice_in_a_comment_is_a_setting(tmp_path: Path, choices: tuple[str, ...]) -> None:
    """With the # taken away."""
    write_project(tmp_path)
    text = (tmp_path / "config.yaml").read_text().split("train:")[0]
    for choice in choices:
        assert text.count(f"\n  # {choice}") == 1
        text = text.replace(f"\n  # {choice}", f"\n  {choice}")
    (tmp_path / "chosen.yaml").write_text(text)
    assert read_config(tmp_path / "chosen.yaml")


def test_every_choice_is_tested(tmp_path: Path) -> None:
    write_project(tmp_path)
    text = (tmp_path / "config.yaml").read_text()
    assert text.count("\n  # ") == sum(map(len, CHOICES))


@pytest.mark.parametrize("name", FILES)
def test_nothing_is_overwritten(tmp_path: Path, name: str) -> None:
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text("mine")
    with pytest.raises(UserError, match=f"^{tmp_path / name}: there is such a file already;"):
        write_project(tmp_path)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [tmp_path / name]
    assert (tmp_path / name).read_text() == "mine"


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "x").touch()
    with pytest.raises(UserError, match=f"^{tmp_path / 'x'}: there is such a file already;"):
        write_project(tmp_path / "x")
