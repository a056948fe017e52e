"""What ``protsae verify`` says; whole finished runs are damaged in tests/chaos."""

import os
import signal
import socket
from pathlib import Path

import pytest
import yaml

from protsae.cli import main
from protsae.io.saes.sae_identity import train_set_sha256
from protsae.run.verify_run import compare, verify_run

FASTA = ">P1\n" + 3 * "MKCAWCDEFGHI" + "\n>P2\n" + 3 * "MACDEFGHIKLW" + "\n"
CONFIG = {"results": "out", "fetch": {"input": "p.fasta"}, "permuted_layers": []}


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """A run that has only fetched."""
    (tmp_path / "p.fasta").write_text(FASTA)
    output = tmp_path / "out" / "proteins"
    assert main(["fetch", "--input", str(tmp_path / "p.fasta"), "--output", str(output)]) == 0
    (tmp_path / "out" / "config.yaml").write_text(yaml.safe_dump(CONFIG))
    return tmp_path / "out"


def verify(results: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, list[str], str]:
    capsys.readouterr()
    status = main(["verify", str(results)])
    said = capsys.readouterr()
    error = [line for line in said.err.splitlines() if line.startswith("protsae ")]
    return status, said.out.splitlines(), "".join(error)


def test_stages_that_have_not_run_are_no_problem(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, lines, error = verify(results, capsys)
    assert (status, error) == (0, "")
    assert lines == [
        "not run yet: split, onehot, embed, train, evaluate, encode, annotate, probe, lookup, "
        "tables, neighbours, report",
        f"{results}: intact and consistent; files read: 3 (0 MB)",
    ]


def test_every_problem_is_a_line(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (results / "proteins" / "fetched.parquet").unlink()
    (results / "proteins" / "provenance.json").write_text("{}")
    (results / "notes.txt").write_text("mine")
    leftover = f".tmp-{socket.gethostname()}-{os.getpid()}-features.tsv"
    (results / leftover).write_text("")
    for kept in ("logs/fetch.log", "logs/split.log", "proteins/pages/state.json"):
        (results / kept).parent.mkdir(exist_ok=True)
        (results / kept).write_text("")
    status, lines, error = verify(results, capsys)
    assert status == 2
    assert lines[:-1] == [
        f"{results}/proteins/fetched.parquet: missing",
        f"{results}/proteins/provenance.json: not a document that this release of protsae wrote "
        "(no 'xxh3'); run the stage that writes it again",
        f"{results}/{leftover}: left by a stage that was killed; run the stage again, or delete it",
        f"{results}/notes.txt: no rule of this run writes it; move it elsewhere, or delete it",
    ]
    assert error == f"protsae verify: {results}: problems: 4; files read: 1 (0 MB)"


def test_a_folder_that_is_no_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, _, error = verify(tmp_path, capsys)
    assert status == 2
    assert error == (
        f"protsae verify: {tmp_path}/config.yaml: no such file; expected the results folder of a "
        "run, which the workflow writes"
    )


def test_an_intermediate_that_is_gone(results: Path) -> None:
    """Later files are there, so that Snakemake would not make it again."""
    path = results / "proteins" / "relatives.tsv"
    path.write_text("")
    found = verify_run(results, 1).problems
    assert found == [f"{results}/proteins/proteins.parquet: missing"]


STUDY = {"protein_set_sha256": "set", "split_sha256": "split"}
SAE = {"model": "m", "layer": 3, "variant": "topk", "weights_sha256": "w", "sae_sha256": "sae"}
TRAIN = train_set_sha256({"P1"})


def stamps() -> dict[str, dict[str, object]]:
    """What the files of a whole small run say of themselves."""
    layer = {"model": "m", "layer": 3, "saes": {"topk": "sae"}}
    held = {"P1": 7, "P2": 5}
    return {
        "proteins/annotations.parquet": {"protein_set_sha256": "set", "annotations_sha256": "a"},
        "proteins/proteins.parquet": {
            **STUDY,
            "texts": {"relatives.tsv": "t"},
            "lengths": held,
            "train": ["P1"],
        },
        "proteins/relatives.tsv": {"sha256": "t"},
        "activations/m/shard-0000.h5": {"model": "m", "weights_sha256": "w", "proteins": {"P1": 7}},
        "activations/m/shard-0001.h5": {"model": "m", "weights_sha256": "w", "proteins": {"P2": 5}},
        "sae/m/layer-03/topk/protsae.json": {**SAE, "train_set_sha256": TRAIN},
        "sae/m/layer-03/topk/evaluation.json": {**SAE, **STUDY},
        "codes/m/layer-03/shard-0000.h5": {"model": "m", "saes": {"topk": "sae"}, "proteins": held},
        "annotation/m/layer-03/features.parquet": {**layer, **STUDY, "annotations_sha256": "a"},
        "probes/m/layer-03/probes.parquet": {"model": "m", "layer": 3, **STUDY},
        "features.parquet": {**STUDY, "saes": {"m/layer-03/topk": "sae"}},
    }


def test_files_that_belong_together() -> None:
    assert list(compare(stamps())) == []


@pytest.mark.parametrize(
    ("name", "change", "problem"),
    [
        (
            "probes/m/layer-03/probes.parquet",
            {"split_sha256": "other"},
            "split_sha256 is other; expected split, as of the proteins and annotations",
        ),
        (
            "annotation/m/layer-03/features.parquet",
            {"annotations_sha256": "b"},
            "annotations_sha256 is b; expected a, as of the proteins and annotations",
        ),
        (
            "probes/m/layer-03/probes.parquet",
            {"layer": 6},
            "states layer 6, but is in the folder of layer 03",
        ),
        (
            "sae/m/layer-03/topk/evaluation.json",
            {"variant": "relu"},
            "states variant relu, but is in the folder of variant topk",
        ),
        (
            "sae/m/layer-03/topk/evaluation.json",
            {"sae_sha256": "old"},
            "SAE topk is old; expected sae, which is there",
        ),
        (
            "codes/m/layer-03/shard-0000.h5",
            {"saes": {"topk": "old"}},
            "SAE topk is old; expected sae, which is there",
        ),
        (
            "features.parquet",
            {"saes": {"m/layer-03/topk": "old"}},
            "SAE m/layer-03/topk is old; expected sae, which is there",
        ),
        ("proteins/relatives.tsv", {"sha256": "u"}, "content is u; expected t, as proteins/pro"),
        (
            "sae/m/layer-03/topk/protsae.json",
            {"train_set_sha256": "others"},
            f"proteins of train is others; expected {TRAIN[:12]}, now",
        ),
        (
            "sae/m/layer-03/topk/protsae.json",
            {"weights_sha256": "v"},
            "weights of the model is v; expected w, embedded",
        ),
        (
            "activations/m/shard-0001.h5",
            {"proteins": {"P2": 6}},
            "holds 6 residues of protein P2; expected 5",
        ),
        (
            "activations/m/shard-0001.h5",
            {"proteins": {"P1": 7, "P2": 5}},
            "holds protein P1, which another shard holds, too",
        ),
    ],
    ids=lambda value: "" if isinstance(value, dict) else value.split("/")[-1][:20],
)
def test_files_that_do_not(name: str, change: dict[str, object], problem: str) -> None:
    found = stamps()
    found[name] |= change
    ((where, said),) = compare(found)
    assert (where, said[: len(problem)]) == (name, problem)


def test_a_table_of_the_run_that_does_not_state_its_saes() -> None:
    found = stamps()
    del found["features.parquet"]["saes"]
    said = "does not state the SAEs that it is of; run the tables stage again"
    assert list(compare(found)) == [("features.parquet", said)]


def test_a_protein_that_no_shard_has() -> None:
    found = stamps()
    del found["activations/m/shard-0001.h5"]
    assert list(compare(found)) == [
        ("activations/m", "no shard holds protein P2 (and 0 others)"),
    ]


def further_stamps() -> dict[str, dict[str, object]]:
    """The same run, with SAEs that are trained on a further protein, too."""
    found = stamps()
    model = {"model": "m", "weights_sha256": "w"}
    found["proteins/further.parquet"] = {**STUDY, "further_set_sha256": "f", "lengths": {"F": 3}}
    shard = {**model, "protein_set_sha256": "f", "proteins": {"F": 3}}
    found["activations/m/further/shard-0000.h5"] = shard
    found["sae/m/layer-03/topk/protsae.json"]["further"] = {"protein_set_sha256": "f"}
    return found


def test_further_proteins_that_belong_together() -> None:
    assert list(compare(further_stamps())) == []


@pytest.mark.parametrize(
    ("name", "change", "problem"),
    [
        (
            "proteins/further.parquet",
            {"split_sha256": "other"},
            "split_sha256 is other; expected split, as of the proteins and annotations",
        ),
        (
            "activations/m/further/shard-0000.h5",
            {"protein_set_sha256": "set"},
            "protein_set_sha256 is set; expected f, as of the proteins and annotations",
        ),
        (
            "activations/m/further/shard-0000.h5",
            {"proteins": {"F": 4}},
            "holds 4 residues of protein F; expected 3",
        ),
        (
            "sae/m/layer-03/topk/protsae.json",
            {"further": {"protein_set_sha256": "g"}},
            "further proteins is g; expected f, now",
        ),
        (
            "sae/m/layer-03/topk/protsae.json",
            {"further": None},
            "further proteins is None; expected f, now",
        ),
    ],
)
def test_further_proteins_that_do_not(name: str, change: dict[str, object], problem: str) -> None:
    found = further_stamps()
    found[name] |= change
    assert list(compare(found)) == [(name, problem)]


def crash(results: Path, name: str) -> dict[str, object]:
    if name.endswith("annotations.parquet"):
        os.kill(os.getpid(), signal.SIGKILL)
    return {}


def test_a_reader_that_crashes_is_told_of_its_file_alone(
    results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("protsae.run.verify_run.check_file", crash)
    found = verify_run(results, 2)
    assert found.problems == [
        f"{results}/proteins/annotations.parquet: damaged: the library that reads it crashes"
    ]
    assert found.n_files == 2
