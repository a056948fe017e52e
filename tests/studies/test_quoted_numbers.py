"""The figures that documents quote: where they come from, how they look, and that they agree."""

import doctest
import json
import os
from pathlib import Path
from types import ModuleType

import h5py
import numpy as np
import pandas as pd
import pytest

from protsae.io.json_files import read_json
from studies.quoted_numbers import documents as quoted_documents
from studies.quoted_numbers import measure as quoted
from studies.quoted_numbers.documents import DOCUMENTS, Numbers, fill, tolerance
from studies.quoted_numbers.measure import (
    PART,
    UNSEEDED,
    UNSEEDED_FILES,
    figures,
    part_figures,
    share,
)
from tests.helpers.fenced import ROOT
from tests.helpers.run_folder import write_run
from tests.test_workflow import copy_workflow, snakemake

MADE_UP = Numbers(
    seeds=[3, 5, 7],
    made_on={"processor": "x"},
    figures={
        "f1": {"SIGNAL": [0.5, 0.6, 0.7], "TURN": [0.2, 0.2, 0.2]},
        "coordinate_f1": {"SIGNAL": [0.4, 0.4, 0.4]},
        "rule_f1": {"SIGNAL": [0.75, 0.75, 0.75]},
        "fvu": {"layer 2 topk": [0.011, 0.012, 0.013], "layer 1 relu": [0.2, 0.2, 0.2]},
        "l0": {"layer 2 topk": [16, 16, 16], "layer 1 relu": [11, 13, 15]},
        "called": {"SAE features": [17, 18, 19]},
        "concepts_scored": {"default run": [59, 59, 59]},
    },
    rules={"SIGNAL": "residues 1-22"},
    guide=["first", "second\nline"],
)


@pytest.mark.parametrize("module", [quoted, quoted_documents], ids=lambda module: module.__name__)
def test_examples_run(module: ModuleType) -> None:
    found = doctest.testmod(module)
    assert (found.failed, found.attempted > 0) == (0, True)


def test_figures_of_a_run(tmp_path: Path) -> None:
    found = figures(write_run(tmp_path))
    # Of tests/helpers/run_folder.py: two SAEs on each of two layers, one-hot beside them.
    assert sorted(found["fvu"]) == [f"layer {i} {sae}" for i in (1, 2) for sae in ("relu", "topk")]
    assert found["f1"]["SIGNAL"] == 0.8
    assert found["coordinate_f1"]["SIGNAL"] == 0.5
    assert found["onehot_f1"]["SIGNAL"] == 0.4
    assert found["probe_f1"]["SIGNAL"] == 0.75
    assert found["rule_f1"]["residue: C"] == 1
    assert found["permuted_f1"] == {}, "the run has no permuted model"


def test_neurons_and_frozen_saes_are_baselines_of_their_own(tmp_path: Path) -> None:
    results = write_run(tmp_path)
    path, summary = results / "associations.parquet", results / "summary.tsv"
    pairs, saes = pd.read_parquet(path), pd.read_csv(summary, sep="\t")
    as_coordinate = pairs[(pairs["variant"] == "coordinates") & (pairs["concept"] == "SIGNAL")]
    neurons = as_coordinate.assign(variant="mlp", f1=0.25)
    frozen = as_coordinate.assign(variant="frozen", f1=0.9)
    pd.concat([pairs, neurons, frozen]).to_parquet(path)
    of_frozen = saes[saes["variant"] == "topk"].assign(variant="frozen", freeze="decoder")
    pd.concat([saes, of_frozen]).to_csv(summary, sep="\t", index=False)
    found = figures(results)
    names = ("f1", "neuron_f1", "frozen_f1", "coordinate_f1")
    assert [found[name]["SIGNAL"] for name in names] == [0.8, 0.25, 0.9, 0.5]


def test_what_no_seed_changes_is_shared(tmp_path: Path) -> None:
    first, second = tmp_path / "seed-0", tmp_path / "seed-1"
    for name in (*UNSEEDED, "sae"):
        (first / name / "a").mkdir(parents=True)
        (first / name / "a" / "b").write_text(name)
    for name in (*UNSEEDED_FILES, "features.tsv"):
        (first / name).write_text(name)
    share(first, second)
    assert sorted(path.name for path in second.iterdir()) == sorted((*UNSEEDED, *UNSEEDED_FILES))
    assert (second / "probes" / "a" / "b").samefile(first / "probes" / "a" / "b")
    (first / "references.parquet").unlink()
    (first / "references.parquet").write_text("made again")
    share(first, second)
    assert (second / "references.parquet").read_text() == "made again"
    assert (second / "probes" / "a" / "b").samefile(first / "probes" / "a" / "b")


def test_concepts_called_and_the_best_by_valid() -> None:
    layer, variant = PART
    pairs = pd.DataFrame(
        [
            (layer, variant, "SIGNAL", 0.6, 0.5, 0.01),
            (layer, variant, "SIGNAL", 0.7, 0.4, 0.01),
            (layer, variant, "TURN", 0.3, 0.2, 0.06),
            (layer, "relu", "TURN", 0.3, 0.9, 0.05),
            (layer, "relu", "DISULFID", 0.3, 0.9, 0.05),
        ],
        columns=["layer", "variant", "concept", "valid_f1", "f1", "q_value"],
    ).eval("concept_type = concept")
    of_sequence = {**pairs.iloc[0], "concept": "residue: K", "concept_type": "residue"}
    pairs = pd.concat([pairs, pd.DataFrame([of_sequence])], ignore_index=True)
    assert part_figures(pairs, n_concepts=8) == {
        "called_share": {f"layer {layer} relu": 0.25, f"layer {layer} {variant}": 0.125},
        "part_f1": {"SIGNAL": 0.4, "TURN": 0.2, "residue: K": 0.5},
    }


def test_blocks_are_filled_in() -> None:
    text = "Before.\n<!-- numbers: concepts SIGNAL, TURN -->\nold\n<!-- /numbers -->\nAfter.\n"
    assert fill(text, MADE_UP).splitlines() == [
        "Before.",
        "<!-- numbers: concepts SIGNAL, TURN -->",
        "| concept | best feature | coordinate | neuron | frozen SAE | one-hot | permuted model "
        "| rule | window probe | layer probe |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
        "| SIGNAL | 0.60 (0.50 to 0.70) | 0.40 | - | - | - | - | 0.75 (residues 1-22) | - | - |",
        "| TURN | 0.20 | - | - | - | - | - | - | - | - |",
        "<!-- /numbers -->",
        "After.",
    ]
    text = "<!-- numbers: overview SIGNAL -->\n<!-- /numbers -->"
    assert fill(text, MADE_UP).splitlines()[1:-1] == [
        "| concept | best feature | coordinate | neuron | frozen SAE | permuted model | rule |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        "| SIGNAL | 0.60 (0.50 to 0.70) | 0.40 | - | - | - | 0.75 (residues 1-22) |",
    ]
    text = (
        "<!-- numbers: called -->\n<!-- /numbers -->\n<!-- numbers: guide 2 -->\n<!-- /numbers -->"
    )
    assert fill(text, MADE_UP).splitlines()[1] == (
        "Of 59 concepts scored that the sequence does not define, so many are called for: 18 (17 "
        "to 19) SAE features."
    )
    assert fill(text, MADE_UP).endswith("```\nsecond\nline\n```\n<!-- /numbers -->")
    assert fill(fill(text, MADE_UP), MADE_UP) == fill(text, MADE_UP)


def test_saes_are_listed_by_name_then_layer() -> None:
    text = fill("<!-- numbers: dictionaries -->\n<!-- /numbers -->", MADE_UP)
    assert [line.split(" | ")[:2] for line in text.splitlines()[3:-1]] == [
        ["| layer 1 relu", "0.20"],
        ["| layer 2 topk", "0.012 (0.011 to 0.013)"],
    ]


def test_an_unknown_block_is_named() -> None:
    with pytest.raises(ValueError, match="block 'concept'; expected one of concepts, over"):
        fill("<!-- numbers: concept -->\n<!-- /numbers -->", MADE_UP)


def test_the_file_comes_back(tmp_path: Path) -> None:
    MADE_UP.write(tmp_path / "numbers.json")
    assert Numbers.read(tmp_path / "numbers.json") == MADE_UP
    assert '   "SIGNAL": [0.5, 0.6, 0.7],' in (tmp_path / "numbers.json").read_text().splitlines()


@pytest.mark.parametrize("document", DOCUMENTS)
def test_documents_quote_the_file(document: str) -> None:
    text = (ROOT / document).read_text()
    assert "<!-- numbers: " in text
    assert fill(text, Numbers.read()) == text, "python -m studies.quoted_numbers.measure --write"


OTHER_PROCESSOR = {
    "ATEN_CPU_CAPABILITY": "default",
    "ONEDNN_MAX_CPU_ISA": "SSE41",
    "MKL_CBWR": "COMPATIBLE",
    "OPENBLAS_CORETYPE": "Nehalem",
}
"""What makes PyTorch and NumPy compute as on a processor without AVX."""


PART_OF_RUN = f"esm2_t6_protsae/layer-{PART[0]:02d}"
ASSOCIATIONS = f"out/annotation/{PART_OF_RUN}/associations.parquet"
EVALUATION = f"out/sae/{PART_OF_RUN}/{PART[1]}/evaluation.json"


@pytest.mark.slow
def test_a_part_of_the_default_run_gives_its_figures(tmp_path: Path) -> None:
    """One layer and SAE of it train, and are scored, as in the whole run; on other processors, too.

    Activations are the same on any processor, so that those of a few proteins are compared and the
    SAE is then trained again from the same ones. SAEs share nothing but the order of residues, so
    that those of other seeds and the frozen one need not train. Neurons are a baseline of other
    figures.
    """
    copy_workflow(tmp_path)
    run_part(tmp_path, ASSOCIATIONS, EVALUATION)
    validate_part(tmp_path)

    every, few = (f"out/activations/esm2_t6_protsae/shard-{i:04d}.h5" for i in (0, SHARDS - 1))
    run_part(tmp_path, few, shards=SHARDS, **OTHER_PROCESSOR)
    own, as_elsewhere = activations(tmp_path / every), activations(tmp_path / few)
    assert len(as_elsewhere) == 8
    for accession, rows in as_elsewhere.items():
        np.testing.assert_array_equal(rows, own[accession])

    trained = (tmp_path / EVALUATION).with_name("sae_weights.safetensors")
    before = trained.read_bytes()
    run_part(tmp_path, ASSOCIATIONS, EVALUATION, "-R", "train_saes", **OTHER_PROCESSOR)
    assert trained.read_bytes() != before, "it rounds as before"
    validate_part(tmp_path)


SHARDS = 29
"""So many that the last has 8 proteins."""


def run_part(folder: Path, *words: str, shards: int = 1, **environment: str) -> None:
    """Run the workflow in a copy of it, with one layer and SAE of the default run."""
    layer, variant = PART
    others = [name for name in ("topk", "relu") if name != variant]
    train = {others[0]: None, "frozen": None, variant: {"seeds": 1}}
    config = {
        **{"results": "out", "onehot": False, "permuted_layers": [], "mlp": False},
        **{"cache": {"shards": shards}, "embed": {"layers": [layer]}, "train": train},
    }
    settings = [f"{name}={json.dumps(value)}" for name, value in config.items()]
    finished = snakemake(
        *("--cores", str(os.cpu_count()), *words, "--config", *settings),
        cwd=folder,
        **environment,
    )
    assert finished.returncode == 0, finished.stderr


def activations(path: Path) -> dict[bytes, np.ndarray]:
    """Of each protein of a shard."""
    with h5py.File(path) as file:
        rows = file[f"layers/{PART[0]:02d}"][:]
        return {
            protein["accession"]: rows[protein["offset"] :][: protein["length"]]
            for protein in file["proteins"]
        }


def validate_part(folder: Path) -> None:
    """Its figures are those of docs/numbers.json."""
    layer, variant = PART
    evaluation = read_json(folder / EVALUATION)
    expected = Numbers.read().figures
    n_concepts = int(expected["concepts_scored"]["default run"][0])
    found = part_figures(pd.read_parquet(folder / ASSOCIATIONS), n_concepts)
    sae = f"layer {layer} {variant}"
    of_sae = {name: (evaluation[name], expected[name][sae]) for name in OF_SAE}
    assert not apart(of_sae)
    of_concepts = {
        concept: (found["part_f1"].get(concept, 0.0), values)
        for concept, values in expected["part_f1"].items()
    }
    of_concepts["called"] = found["called_share"][sae], expected["called_share"][sae]
    assert len(apart(of_concepts)) <= MOST_APART * len(of_concepts), apart(of_concepts)


OF_SAE = ("fvu", "l0", "loss_recovered")

MOST_APART = 0.1
"""Share of the figures of concepts that may lie apart. Another processor rounds otherwise, so that
it trains other features, as another seed does. A figure that varies lies more than twice the
standard deviation of three trainings from their mean in one training of five: |t| > 2 / sqrt(4 / 3)
at two degrees of freedom."""


def apart(figures: dict[str, tuple[float, list[float]]]) -> list[str]:
    """Those that lie further from the mean of three trainings than `tolerance` allows."""
    return [
        f"{name}: {value:.3f}, expected {sum(values) / len(values):.3f} +- {tolerance(values):.3f}"
        for name, (value, values) in figures.items()
        if abs(value - sum(values) / len(values)) > tolerance(values)
    ]


def test_figures_that_lie_apart_are_named() -> None:
    """0.5, 0.6, 0.7: 0.2 to either side."""
    figures = {"near": (0.799, [0.5, 0.6, 0.7]), "far": (0.801, [0.5, 0.6, 0.7])}
    assert apart(figures) == ["far: 0.801, expected 0.600 +- 0.200"]
