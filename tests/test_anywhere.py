"""The workflow in other folders than the repository: protsae run, Snakemake, as a module."""

import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pandas as pd
import pytest
import yaml

from tests.helpers import forked
from tests.helpers.python_module import run_module
from tests.helpers.short_proteins import write_short_proteins
from tests.test_workflow import ROOT, planned, verify

FASTA = ">sp|P00001|ONE_TEST One OS=Made up OX=1\nMKVLAAGIVGLLLAQWERTYHKLMNPDSTGCACDEFGHIKLMNPQR\n"
TINY = {
    "embed": {"precision": "float32"},
    "trainer": {"batch": 64},
    "train": {
        "topk": {"steps": 20, "expansion": 2, "k": 3, "seeds": 1},
        "relu": None,
        "frozen": None,
    },
    "evaluate": {"bootstrap": 20, "masks": 1, "max_proteins": 13, "optimal_codes": 13},
    "probe": {"train_residues": 2000},
    "concepts": {"min_clusters": 2},
    "annotate": {"bootstrap": 20},
    "permuted_layers": [],
    "neighbours": {"map": False},
}
"""A run in seconds, over the project's settings."""


def protsae(*words: str, cwd: Path, package: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return run_module("protsae", *words, cwd=cwd, package=package)


def snakemake(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """A dry run of the workflow by Snakemake itself."""
    words = ("-s", str(ROOT / "Snakefile"), "--cores", "2", "-n", *words)
    return forked.plan("snakemake", *words, cwd=cwd)


def plan(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """A dry run of ``protsae run``."""
    return forked.plan("protsae", "run", "-n", *words, cwd=cwd)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder, with a space in its name."""
    path = tmp_path / "my runs"
    path.mkdir()
    return path


@pytest.fixture
def project(folder: Path) -> Path:
    """A new project with one protein, which its settings name."""
    assert protsae("init", "first", cwd=folder).returncode == 0
    edit(folder / "first", "# input: proteins.fasta", "input: proteins.fasta")
    (folder / "first/proteins.fasta").write_text(FASTA)
    return folder / "first"


def edit(project: Path, old: str, new: str) -> None:
    path = project / "config.yaml"
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))


@pytest.mark.slow
def test_an_empty_folder_two_lines_and_a_run(folder: Path) -> None:
    made = protsae("init", "first", cwd=folder)
    assert made.returncode == 0
    assert made.stdout.splitlines()[-1] == "next: cd first, edit config.yaml, protsae run"
    project = folder / "first"
    edit(project, "# input: proteins.fasta ", "input: proteins.json ")
    edit(project, "layers: [1, 2, 3, 4, 5, 6]", "layers: [1]")
    write_short_proteins(ROOT, project / "proteins.json", longest=149)
    (project / "tiny.yaml").write_text(yaml.safe_dump(TINY))

    finished = protsae("run", "--cores", "2", "--config", "tiny.yaml", cwd=project)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    features = pd.read_csv(project / "results/features.tsv", sep="\t")
    # Twice the dimensions: 26 of one-hot sequences, 128 of the model that comes with protsae.
    assert features.groupby("model").size().to_dict() == {"onehot": 52, "esm2_t6_protsae": 256}
    assert (project / "results/report.html").stat().st_size > 10_000
    assert verify(project / "results", project) == (0, "")
    again = plan("--config", "tiny.yaml", cwd=project)
    assert planned(again) == {}


def test_a_new_project_plans_the_embedded_run(folder: Path) -> None:
    assert protsae("init", "first", cwd=folder).returncode == 0
    jobs = planned(plan(cwd=folder / "first"))
    assert jobs["total"] == 61


@pytest.mark.parametrize(
    "line",
    [
        "run fetch --config onehot=false --cores 1",
        "run --cores 1 --config onehot=false fetch",
        "run --config onehot=false --cores 1 fetch",
    ],
)
def test_paths_start_from_the_folder_of_the_run(project: Path, line: str) -> None:
    finished = protsae(*line.split(), cwd=project)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert len(pd.read_parquet(project / "results/proteins/fetched.parquet")) == 1
    used = yaml.safe_load((project / "results/config.yaml").read_text())
    assert used["fetch"]["input"] == "proteins.fasta"
    assert used["embed"]["model"] == f"{ROOT}/data/model/esm2_t6_protsae.pt"
    assert used["onehot"] is False


def test_snakemake_alone_keeps_the_defaults(folder: Path) -> None:
    (folder / "mine.yaml").write_text("embed: {layers: [1]}\npermuted_layers: []\n")
    jobs = planned(snakemake("--configfile", "mine.yaml", cwd=folder))
    assert jobs["train_saes"] == 2, "the layer and one-hot sequences"
    assert jobs["total"] == 19


def test_snakemake_alone_reads_the_config_yaml_of_its_folder(project: Path) -> None:
    """Also of the folder that --directory names."""
    (project / "more.yaml").write_text("onehot: false\n")
    words = ("-p", "fetch", "--configfile", str(project / "more.yaml"))
    for finished in (
        snakemake(*words, cwd=project),
        snakemake(*words, "--directory", str(project), cwd=project.parent),
    ):
        assert planned(finished)["fetch"] == 1
        assert "input: proteins.fasta" in finished.stdout


def test_a_slurm_profile_of_the_project(project: Path) -> None:
    pytest.importorskip("snakemake_executor_plugin_slurm")
    profile = project / "profiles/slurm/profile.yaml"
    profile.write_text(profile.read_text().replace("slurm_account: lab", "slurm_account: ours"))
    finished = plan("-p", "embed", "--workflow-profile", "slurm", cwd=project)
    assert planned(finished)["embed_shard"] == 2
    assert "slurm_account=ours" in finished.stdout


MODULE = """
module features:
    snakefile: {snakefile!r}
    config: config["features"]
    {prefix}


use rule * from features as features_*


rule mine:
    default_target: True
    input: {wanted!r}
    output: "mine.txt"
    shell: "cp {{input:q}} {{output}}"


onstart:
    features.onstart()
"""


@pytest.mark.parametrize(
    ("prefix", "results"),
    [pytest.param("", "out", id="alone"), pytest.param("prefix: 'sub'", "sub/out", id="prefix")],
)
def test_a_module_of_another_workflow(project: Path, prefix: str, results: str) -> None:
    """Its settings are a section of the other workflow's."""
    (project / "config.yaml").unlink()
    settings = {"results": "out", "fetch": {"input": "proteins.fasta"}, "onehot": False}
    settings |= {"embed": {"layers": [1]}, "permuted_layers": [1]}
    (project / "theirs.yaml").write_text(yaml.safe_dump({"samples": 3, "features": settings}))
    wanted = f"{results}/proteins/provenance.json"
    text = MODULE.format(snakefile=str(ROOT / "Snakefile"), prefix=prefix, wanted=wanted)
    (project / "theirs.smk").write_text(text)
    words = ("snakemake", "-s", "theirs.smk", "--configfile", "theirs.yaml", "--cores", "2")

    dry = forked.plan(*words, "-n", "-p", "features_all", cwd=project)
    jobs = planned(dry)
    assert {name for name in jobs if not name.startswith("features_")} == {"total"}
    assert jobs["features_embed_shard"] == 2, "one shard, as by default, of two models"
    assert f"protsae embed --model {results}/models/esm2_t6_protsae-permuted.pt " in dry.stdout

    finished = run_module(*words, cwd=project)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert (project / "mine.txt").read_bytes() == (project / wanted).read_bytes()
    used = yaml.safe_load((project / results / "config.yaml").read_text())
    assert used["train"]["relu"]["penalty"] == 3.0


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (
            ("--config", "no.yaml"),
            "protsae run: --config: no.yaml: no such file; expected a YAML file, by its path from "
            "{}, or KEY=VALUE",
        ),
        (
            ("--config", "fetch={{input: no.fasta}}"),
            "protsae: fetch.input: no.fasta: no such file; expected a path from {}",
        ),
    ],
    ids=["file", "key"],
)
def test_a_mistake_is_one_line_and_exit_2(folder: Path, words: tuple[str], line: str) -> None:
    finished = plan(*(word.format() for word in words), cwd=folder)
    assert finished.returncode == 2
    said = [text for text in finished.stderr.splitlines() if text.startswith("protsae")]
    assert said == [line.format(folder)]
    assert "Traceback" not in finished.stderr


def test_the_exit_status_of_snakemake_is_passed_on(project: Path) -> None:
    (project / "proteins.fasta").write_text(">A\n123\n")
    finished = protsae("run", "fetch", cwd=project)
    assert finished.returncode == 1
    assert "protsae fetch: " in finished.stdout + finished.stderr


def test_an_interrupt_ends_the_run(project: Path) -> None:
    """Snakemake gets it, as protsae has become Snakemake; nothing half-written stays."""
    # Enough proteins that fetch is still at work when the signal comes, on a busy machine, too.
    letters = "ACDEFGHIKLMNPQRSTVWY" * 20
    distinct = str.maketrans("01", "AC")
    numbers = [(n, f"{n:017b}".translate(distinct)) for n in range(100_000)]
    records = [f">sp|Q{n:06d}|Q{n:06d}_TEST\nM{own}{letters}\n" for n, own in numbers]
    (project / "many.fasta").write_text("".join(records))
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "protsae", "run", "fetch", "--cores", "1"),
            *("--config", 'fetch={"input": "many.fasta"}'),
        ],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # What a shell starts in the background ignores the signal, and so would its children.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    until = time.monotonic() + 60
    while not (project / "results/logs/fetch.log").is_file() and time.monotonic() < until:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does at Ctrl-C
    _, said = process.communicate(timeout=60)
    assert process.returncode != 0
    assert "Traceback" not in said
    assert not list(project.glob("results/proteins/*.parquet"))
    assert planned(plan("fetch", cwd=project))["fetch"] == 1, "it is not locked"


def test_the_wheel_carries_the_pipeline(tmp_path: Path, folder: Path) -> None:
    """Built, unpacked, and run with nothing of the repository in reach."""
    source = tmp_path / "source"
    names = ("protsae", "workflow", "config", "data", "profiles")
    for name in names:
        shutil.copytree(
            ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__", "*t8*")
        )
    for name in ("Snakefile", "config.yaml", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source / name)
    built = run_module(
        "hatchling", "build", "-t", "wheel", "-d", str(tmp_path / "dist"), cwd=source
    )
    assert built.returncode == 0, built.stderr
    [wheel] = (tmp_path / "dist").glob("protsae-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    shutil.rmtree(source)

    assert protsae("init", "first", cwd=folder, package=tmp_path / "site").returncode == 0
    finished = protsae("run", "-n", "-p", cwd=folder / "first", package=tmp_path / "site")
    assert planned(finished)["total"] == 61
    shipped = tmp_path / "site/protsae/pipeline"
    assert f"protsae fetch --input {shipped}/data/sample/proteins.json.gz" in finished.stdout
    assert "mem_mb=8000" in finished.stdout
    sweep = ("run", "-n", "scaling", "--config", "config/sweep.yaml")
    finished = protsae(*sweep, cwd=folder, package=tmp_path / "site")
    assert planned(finished)["scaling"] == 1
