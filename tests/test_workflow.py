"""The workflow as a user runs it: dry runs, configuration, profiles, one whole tiny run, reruns."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import h5py
import pandas as pd
import pytest
import yaml

from tests.helpers import forked
from tests.helpers.short_proteins import SAMPLE, write_short_proteins
from tests.helpers.tiny_esm import save_tiny

ROOT = Path(__file__).parents[1]
STAGES = (
    "fetch",
    "onehot",
    "embed",
    "train",
    "encode",
    "evaluate",
    "probe",
    "sparse_probe",
    "lookup",
    "annotate",
    "report",
)
RESULTS = "out put; touch INJECTED; $(touch INJECTED) 'é' \"q\""
"""A folder as no one should name one: every rule has to quote it."""
WORKFLOW = (
    *("Snakefile", "workflow", "profiles", "protsae", "snakemake_logger_plugin_protsae"),
    *("config.yaml", "config", "data"),
)


def snakemake(*arguments: str, cwd: Path = ROOT, **environment: str) -> subprocess.CompletedProcess:
    """Run Snakemake as the command line does, with the protsae that lies in ``cwd``."""
    return subprocess.run(
        [sys.executable, "-m", "snakemake", *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(cwd), **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=1200,
    )


def plan(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess:
    """A dry run of the protsae that lies in ``cwd``, or a list of what Snakemake would run."""
    return forked.plan("snakemake", *arguments, cwd=cwd, package=cwd)


def verify(results: Path, cwd: Path) -> tuple[int, str]:
    """Exit status of `protsae verify`, and the problems."""
    finished = subprocess.run(
        [sys.executable, "-m", "protsae", "verify", str(results)],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    return finished.returncode, finished.stdout if finished.returncode else ""


MOST_LINES, MOST_COLUMNS = 50, 100
"""What a page holds: the screen of a whole run, however many jobs it has."""


def planned(finished: subprocess.CompletedProcess) -> dict[str, int]:
    """Jobs by rule, read off the table of a dry run; empty if there is nothing to do.

    With ``-p`` the table is Snakemake's own, else that of the screen, which also says why.
    """
    assert finished.returncode == 0, finished.stderr
    text = finished.stdout + finished.stderr
    return {rule: int(n) for rule, n in re.findall(r"^(\w+) +(\d+)(?:  .*)?$", text, re.MULTILINE)}


def copy_workflow(folder: Path) -> Path:
    """The parts of the repository that a run needs, so that tests may edit and touch them."""
    for name in WORKFLOW:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder / name)
    return folder


def test_default_run_plans_every_stage(tmp_path: Path) -> None:
    jobs = planned(snakemake("--cores", "2", "-n", "--config", f"results={tmp_path}"))
    # 6 layers of ESM-2, 2 of its control, and one-hot; one shard of each.
    assert jobs == {
        **{"fetch": 1, "split": 1, "randomise": 1, "onehot_shard": 1, "embed_shard": 2},
        **{"train_saes": 9, "evaluate_saes": 9, "encode_shard": 9, "annotate_layer": 9},
        **{"measure_effects": 4, "probe_layer": 9, "sparse_probe": 1, "lookup": 1},
        **{"tables": 1, "neighbours": 1, "report": 1, "all": 1, "total": 61},
    }


@pytest.mark.parametrize(("wanted", "n_layers"), [("true", 9), ("false", 0)])
def test_the_table_of_interplms_rule_is_an_output_where_it_is_asked_for(
    tmp_path: Path, wanted: str, n_layers: int
) -> None:
    settings = (f"results={tmp_path}", f"annotate={{interplm: {wanted}}}")
    finished = plan("--cores", "2", "-n", "-p", "annotate", "--config", *settings)
    assert planned(finished)["annotate_layer"] == 9
    outputs = re.findall(r"^    output: (.*)$", finished.stdout, re.MULTILINE)
    assert sum("/interplm.parquet" in files for files in outputs) == n_layers


@pytest.mark.parametrize(
    ("stage", "needed"),
    [
        pytest.param("fetch", {"fetch"}, id="fetch"),
        pytest.param("onehot", {"fetch", "split", "onehot_shard"}, id="onehot"),
        pytest.param("embed", {"fetch", "split", "randomise", "embed_shard"}, id="embed"),
        pytest.param("lookup", {"fetch", "split", "lookup"}, id="lookup"),
        pytest.param(
            "probe",
            {"fetch", "split", "randomise", "onehot_shard", "embed_shard", "probe_layer"},
            id="probe",
        ),
        pytest.param(
            "train",
            {"fetch", "split", "randomise", "onehot_shard", "embed_shard", "train_saes"},
            id="train",
        ),
    ],
)
def test_a_stage_is_a_target(stage: str, needed: set[str], tmp_path: Path) -> None:
    jobs = planned(plan(stage, "--cores", "2", "-n", "--config", f"results={tmp_path}"))
    assert set(jobs) - {"total", stage} == needed - {stage}


def test_every_stage_has_a_target() -> None:
    listed = plan("--list-target-rules")
    assert listed.returncode == 0, listed.stderr
    assert set(STAGES) <= set(listed.stdout.split())


def test_planning_imports_no_torch(tmp_path: Path) -> None:
    arguments = ("--cores", "1", "-n", "--config", f"results={tmp_path}")
    finished = snakemake(*arguments, PYTHONPROFILEIMPORTTIME="1")
    assert finished.returncode == 0
    imported = {line.split("|")[-1].strip() for line in finished.stderr.splitlines()}
    assert "protsae.config.settings" in imported
    assert not imported & {"torch", "h5py", "esm", "scipy"}


@pytest.mark.parametrize(
    ("config", "line"),
    [
        pytest.param(
            "embd=1",
            "protsae: config: unknown key 'embd'; did you mean 'embed'? Valid keys: train, "
            "results, fetch, split, further_proteins, cache, onehot, embed, permuted_layers, "
            "effect_layers, effect_saes, mlp, trainer, evaluate, effects, concepts, probe, "
            "sparse_probe, references, annotate, neighbours, report",
            id="top-level key",
        ),
        pytest.param(
            'embed={"layer": [3]}',
            "protsae: config: unknown key 'embed.layer'; did you mean 'layers'? Valid keys in "
            "embed: model, layers, sites, precision, dtype, tokens_per_batch, context, overlap, "
            "device",
            id="nested key",
        ),
        pytest.param(
            'train={"relu": {"penalty": -1}}',
            "protsae: config: train.relu.penalty: must be greater than or equal to 0, found '-1'",
            id="negative lambda",
        ),
        pytest.param(
            'fetch={"input": "no/such.fasta"}',
            "protsae: fetch.input: no/such.fasta: no such file; expected a path from {cwd}",
            id="missing input",
        ),
        pytest.param(
            'further_proteins=["no/more.fasta"]',
            "protsae: further_proteins.0: no/more.fasta: no such file; expected a path from {cwd}",
            id="missing further proteins",
        ),
        pytest.param(
            'embed={"model": "no/esm2.pt"}',
            "protsae: embed.model: no/esm2.pt: no such file; expected a path from {cwd}",
            id="missing checkpoint",
        ),
        pytest.param(
            'embed={"layers": [7]}',
            "protsae: embed.layers: layer 7 is not in esm2_t6_protsae; expected 0 to 6 (0 = "
            "embedding, 6 = after the final layer norm)",
            id="layer beyond the model",
        ),
    ],
)
def test_bad_configuration_is_one_line_and_exit_2(config: str, line: str) -> None:
    finished = plan("--cores", "1", "-n", "--config", config)
    assert finished.returncode == 2
    said = [text for text in finished.stderr.splitlines() if text.startswith("protsae")]
    assert said == [line.format(cwd=ROOT)]
    assert "Traceback" not in finished.stderr


def test_null_takes_a_variant_away(tmp_path: Path) -> None:
    config = f'train={{"relu": null}} results={tmp_path}'.split(" results=")
    finished = plan("-n", "-p", "--cores", "1", "--config", config[0], f"results={config[1]}")
    jobs = planned(finished)
    assert jobs["train_saes"] == 9
    assert "/topk/" in finished.stdout
    assert "/relu/" not in finished.stdout


def test_slurm_profile_with_the_uniprot_configuration_asks_for_gpus(tmp_path: Path) -> None:
    pytest.importorskip("snakemake_executor_plugin_slurm")
    finished = plan(
        *("-n", "-p", "--workflow-profile", "slurm"),
        *("--configfile", "config/uniprot.yaml", "--config", f"results={tmp_path}"),
    )
    jobs = planned(finished)
    assert jobs["embed_shard"] == 32
    assert jobs["train_saes"] == 7
    embedding = finished.stdout.split("rule embed_shard:")[1].split("rule ")[0]
    resources = embedding.split("resources: ")[1].splitlines()[0]
    for wanted in ("gpu=1", "mem_mb=8000", "runtime=480", "slurm_partition=main"):
        assert wanted in resources
    evaluation = finished.stdout.split("rule annotate_layer:")[1].split("rule ")[0]
    assert "gpu=" not in evaluation


def test_the_slurm_profile_names_rules_that_there_are() -> None:
    profile = yaml.safe_load((ROOT / "workflow/profiles/slurm/profile.yaml").read_text())
    rules = "\n".join(path.read_text() for path in (ROOT / "workflow/rules").glob("*.smk"))
    named = {*profile["set-threads"], *profile["set-resources"]}
    assert named <= set(re.findall(r"^(?:use rule \w+ as|rule) (\w+)", rules, re.MULTILINE))


def tiny_run(folder: Path) -> list[str]:
    """A copy of the repository with a configuration that runs in seconds; returns its arguments."""
    copy_workflow(folder)
    write_short_proteins(ROOT, folder / SAMPLE, longest=199)
    save_tiny(folder)
    variant = {"steps": 20, "expansion": 2, "k": 3}
    config = {
        "results": RESULTS,
        "embed": {"model": "esm2_tiny.pt", "layers": [1]},
        "permuted_layers": [1],
        "effect_layers": [1],
        "effects": {"exact_features": 2, "exact_sites": 2},
        "trainer": {"batch": 64},
        "train": {"topk": {"architecture": "topk", **variant}, "relu": None, "frozen": None},
        "evaluate": {"bootstrap": 20},
        "probe": {"train_residues": 2000},
        "sparse_probe": {"layers": [1], "train_residues": 2000},
        "concepts": {"min_clusters": 2},
        "annotate": {"bootstrap": 20},
        "neighbours": {"map": False},
    }
    (folder / "tiny.yaml").write_text(yaml.safe_dump(config))
    return ["--cores", "2", "--configfile", "tiny.yaml"]


@pytest.mark.slow
def test_a_whole_run_and_what_reruns(tmp_path: Path) -> None:
    arguments = tiny_run(tmp_path)
    finished = snakemake(*arguments, cwd=tmp_path)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    said = (finished.stdout + finished.stderr).splitlines()
    # Where the screen is a file, how far a run is follows every so often: a line for slow machines.
    screen = [line for line in said if not re.match(r"\d+ of \d+ jobs done; about ", line)]
    assert len(screen) <= MOST_LINES, "\n".join(screen)
    assert max(map(len, screen)) <= MOST_COLUMNS + len(RESULTS), max(screen, key=len)
    for begin in ("train        3 of 3 jobs   done in ", "  split: ", "Open ", "Full log: "):
        assert any(line.startswith(begin) for line in screen), begin

    assert not list(tmp_path.rglob("INJECTED"))
    out = tmp_path / RESULTS
    features = pd.read_csv(out / "features.tsv", sep="\t")
    # One row for every feature of every layer: 2 x 26 one-hot, 2 x d_model and as many again.
    d_model = json.loads((out / "sae/esm2_tiny/layer-01/topk/evaluation.json").read_text())[
        "d_model"
    ]
    counts = features.groupby("model").size()
    assert counts.to_dict() == {
        **{"onehot": 52, "esm2_tiny": 2 * d_model, "esm2_tiny-permuted": 2 * d_model}
    }
    assert (out / "report.html").stat().st_size > 10_000
    found = [pd.read_parquet(path) for path in sorted(out.glob("probes/*/*/probes.parquet"))]
    assert {name for table in found for name in table["model"]} == set(counts.index)
    assert set(pd.read_parquet(out / "references.parquet")["method"]) == {
        "blosum_window",
        "homology",
    }
    types = json.loads((out / "proteins/provenance.json").read_text())["counts"]["features"]
    concepts = pd.read_csv(out / "concepts.tsv", sep="\t")
    assert "SIGNAL" in types["kept"]
    assert types["kept"].keys() | types["left_out"].keys() <= set(concepts["concept"])
    assert verify(out, tmp_path) == (0, "")
    assert yaml.safe_load((out / "config.yaml").read_text())["embed"]["layers"] == [1]

    def jobs(*more: str) -> dict[str, int]:
        return planned(plan(*arguments, "-n", *more, cwd=tmp_path))

    nothing: dict[str, int] = {}
    for path in tmp_path.rglob("*"):
        if path.is_file() and ".snakemake" not in path.parts:
            path.touch()
    assert jobs() == nothing, "touched files are compared by content"

    changed = jobs("--config", 'concepts={"min_residues": 11}')
    assert set(changed) - {"total"} == {
        *("annotate_layer", "measure_effects", "probe_layer", "sparse_probe", "lookup", "tables"),
        *("neighbours", "report", "all"),
    }, "which concepts are scored is no reason to split and to train again"

    after_training = {"train_saes", "evaluate_saes", "encode_shard", "annotate_layer"}
    after_training |= {"measure_effects", "sparse_probe", "tables", "neighbours", "report", "all"}
    changed = jobs("--config", 'train={"topk": {"steps": 21}}')
    assert set(changed) - {"total"} == after_training

    module = tmp_path / "protsae/sae/training/step.py"
    module.write_text(module.read_text() + "\n# more words\n")
    assert jobs() == nothing, "words are no code"
    module.write_text(module.read_text() + "\nCHANGED = True\n")
    assert set(jobs()) - {"total"} == after_training, "changed code reruns its stage"

    page = tmp_path / "protsae/report/style.css"
    module.write_text(module.read_text().removesuffix("\nCHANGED = True\n"))
    page.write_text(page.read_text() + "\n/* changed */\n")
    assert set(jobs()) - {"total"} == {"report", "all"}


@pytest.mark.slow
def test_further_proteins_are_trained_on_and_seen_by_nothing_else(tmp_path: Path) -> None:
    few = 'fetch={"max_length": 170}'
    arguments = ["annotate", *tiny_run(tmp_path), "--config", "permuted_layers=[]", few]
    out = tmp_path / RESULTS
    finished = snakemake("split", *arguments[1:], cwd=tmp_path)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    before = {name: (out / name).read_bytes() for name in UNSEEING}
    proteins = pd.read_parquet(out / "proteins/proteins.parquet")
    train, test = (
        proteins[(proteins["split"] == part) & (proteins["length"] > 120)].iloc[0]["sequence"]
        for part in ("train", "test")
    )
    # No copies: every ninth residue another.
    planted = {
        name: "".join("GS"[r == "G"] if i % 9 == 0 else r for i, r in enumerate(sequence))
        for name, sequence in {"OF_TRAIN": train, "OF_TEST": test, "REVERSED": train[::-1]}.items()
    }
    fasta = tmp_path / "more $x 'y'.fasta"

    def write(names: tuple[str, ...]) -> None:
        fasta.write_text("".join(f">{name}\n{planted[name]}\n" for name in names))

    write(("OF_TRAIN", "OF_TEST", "REVERSED"))
    arguments += [f"further_proteins={json.dumps([fasta.name])}"]
    finished = snakemake(*arguments, cwd=tmp_path)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    said = " ".join((finished.stdout + finished.stderr).split())
    assert "2 of 3 further proteins kept" in said
    assert "left out: 1 relatives of validation or test proteins" in said

    assert {name: (out / name).read_bytes() for name in UNSEEING} == before
    further = pd.read_parquet(out / "proteins/further.parquet")
    assert further["accession"].tolist() == ["OF_TRAIN", "REVERSED"]
    for model in ("onehot/layer-00", "esm2_tiny/layer-01"):
        identity = json.loads((out / f"sae/{model}/topk/protsae.json").read_text())
        in_train = int(proteins.loc[proteins["split"] == "train", "length"].sum())
        assert identity["n_residues"] == in_train + int(further["length"].sum())
        assert identity["further"]["further_residues"] > 0
    for path in out.glob("annotation/*/*/examples.parquet"):
        assert set(pd.read_parquet(path)["accession"]) <= set(proteins["accession"])
    for path in out.glob("codes/*/*/*.h5"):
        with h5py.File(path) as file:
            assert not {b"OF_TRAIN", b"REVERSED"} & set(file["proteins"]["accession"])
    assert verify(out, tmp_path) == (0, "")

    def rules() -> set[str]:
        return set(planned(plan(*arguments, "-n", cwd=tmp_path))) - {"total"}

    assert rules() == set()
    after_training = {"encode_shard", "annotate_layer", "annotate"}
    write(("OF_TRAIN", "REVERSED"))
    again = {"further", "onehot_further_shard", "embed_further_shard", "train_saes"}
    assert rules() == again | after_training
    arguments.pop()
    assert rules() == {"train_saes"} | after_training


@pytest.mark.slow
def test_jobs_find_what_they_need_imported(tmp_path: Path) -> None:
    """With the time of every import in the log, there is only what hands the job over."""
    few = ("--config", 'fetch={"max_length": 170}')
    timed = {"PYTHONPROFILEIMPORTTIME": "1"}
    finished = snakemake("onehot", *tiny_run(tmp_path), *few, cwd=tmp_path, **timed)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    [log] = (tmp_path / RESULTS / "logs/onehot").rglob("*.log")
    imports = {line.split("|")[-1].strip() for line in log.read_text().splitlines()}
    assert "protsae.run.fork_server" in imports
    assert "h5py" not in imports


UNSEEING = (
    *("proteins/fetched.parquet", "proteins/proteins.parquet"),
    *("proteins/annotations.parquet", "proteins/relatives.tsv"),
)


@pytest.mark.slow
def test_a_failing_job_says_why_and_leaves_nothing(tmp_path: Path) -> None:
    arguments = tiny_run(tmp_path)
    config = ('embed={"layers": [99]}', "permuted_layers=[]")
    finished = snakemake("embed", *arguments, "--config", *config, cwd=tmp_path)
    assert finished.returncode == 1
    said = finished.stdout + finished.stderr
    assert "protsae embed: embed.layers: layer 99 is not in this model; expected 0 to" in said
    assert "FAILED: embed, esm2_tiny shard 0" in said
    assert "jobs done in " in said
    assert "RuleException" not in said
    assert len(said.splitlines()) <= MOST_LINES
    assert not list((tmp_path / RESULTS / "activations").rglob("*.h5"))
    assert not list((tmp_path / RESULTS).rglob(".tmp-*"))
