"""The README's commands are ones that the workflow takes, and its files are there."""

import ast
import re
import shlex
from pathlib import Path

import pytest
import yaml

from tests.fenced import fenced_blocks
from tests.test_workflow import ROOT, copy_workflow, planned, snakemake

README = (ROOT / "README.md").read_text()


def snakemake_commands() -> list[list[str]]:
    """Arguments of every snakemake command, comments stripped, continued lines joined."""
    lines = "\n".join(fenced_blocks("README.md", "sh")).replace("\\\n", " ").splitlines()
    words = [shlex.split(line, comments=True) for line in lines]
    return [line[1:] for line in words if line[:1] == ["snakemake"]]


@pytest.mark.parametrize("arguments", snakemake_commands(), ids=" ".join)
def test_commands_plan_a_run(arguments: list[str], tmp_path: Path) -> None:
    copy_workflow(tmp_path)
    (tmp_path / "mine.yaml").write_text(
        next(b for b in fenced_blocks("README.md", "yaml") if "mine.yaml" in b)
    )
    for name in ("proteins.fasta", "annotations.tsv"):
        (tmp_path / name).touch()
    profile = tmp_path / "workflow/profiles/mine/profile.yaml"
    profile.parent.mkdir()
    profile.write_text((ROOT / "workflow/profiles/slurm/profile.yaml").read_text())
    assert planned(snakemake(*arguments, *(["-n"] if "-n" not in arguments else []), cwd=tmp_path))


def test_there_are_commands_to_check() -> None:
    assert len(snakemake_commands()) >= 6
    assert "make run" in README
    assert "make test" in README


def test_python_blocks_parse() -> None:
    assert [ast.parse(block) for block in fenced_blocks("README.md", "python")]


def test_the_yaml_is_a_configuration() -> None:
    assert all(
        isinstance(yaml.safe_load(block), dict) for block in fenced_blocks("README.md", "yaml")
    )


def test_links_within_the_repository_lead_somewhere() -> None:
    targets = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", README)
    assert targets
    assert [target for target in targets if not (ROOT / target).exists()] == []


def test_no_placeholder_is_left() -> None:
    assert "@@" not in README
