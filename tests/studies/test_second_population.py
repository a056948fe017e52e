"""Claimed against found: labels, relatives, scores, and a run's own test proteins as a check."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from protsae.association.baseline_comparison import RULE
from protsae.config.reserved_names import COORDINATES, ONEHOT
from protsae.config.settings import Config, read_config
from protsae.detectors.activations import Codes
from protsae.errors import UserError
from protsae.references.rules.sequence_rules import Everywhere, Letters, Place
from protsae.stages.annotate_layer import layer_baselines
from protsae.stages.inputs.layer_inputs import LayerFiles, open_layer
from studies.findings.markdown import second_population_table
from studies.findings.tables import NAMES, PERMUTED, SAE
from studies.second_population import measure as second_population
from studies.second_population.labels import (
    POPULATIONS,
    Labelled,
    drawn,
    labelled,
    places_in_run,
    read_populations,
    same_residues,
    without_relatives,
)
from studies.second_population.measure import Run, named_rules
from studies.second_population.scores import Residues, chosen_detectors, found_rows, with_verdicts
from tests.helpers.finished_run import RESULTS as RESULTS_NAME
from tests.helpers.finished_run import finished_run
from tests.helpers.shared_data import SHARED

RESULTS = Path(RESULTS_NAME)

TINY = "esm2_tiny"
INPUTS = {
    "saes": f"sae/{TINY}/layer-01/*",
    "codes": f"codes/{TINY}/layer-01/shard-*.h5",
    "activations": f"activations/{TINY}/shard-*.h5",
    "mlp": f"activations/{TINY}-mlp_in/shard-*.h5",
}
RECORD = {"set": "TMbed", "sequence": "MKACDEW", "labels": "SS2HhbU"}


def test_letters_of_concepts() -> None:
    protein = labelled(RECORD, "x: line 1")
    concepts = POPULATIONS["TMbed"].concepts
    found = {name: protein.has(letters).nonzero()[0].tolist() for name, letters in concepts.items()}
    assert found == {
        "SIGNAL": [0, 1],
        "TRANSMEM": [3, 4, 5],
        "TRANSMEM: Helical": [3, 4],
        "TRANSMEM: Beta stranded": [5],
    }
    assert protein.known.tolist() == [True] * 6 + [False]


def test_unresolved_residues_have_nothing() -> None:
    chain = {"set": "FLIP_secondary_structure", "sequence": "MKACD", "labels": "HHECE"}
    protein = labelled(chain | {"resolved_mask": "01101"}, "x: line 1")
    assert protein.has("H").tolist() == [False, True, False, False, False]
    assert protein.has("E").tolist() == [False, False, True, False, True]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": "SS"}, "x: line 1: 2 labels and a mask of 7 for 7 residues"),
        ({"labels": "SS2HXbU"}, "x: line 1: label 'X'; expected one of '12HhBbSU'"),
    ],
)
def test_bad_records(change: dict[str, str], message: str) -> None:
    with pytest.raises(UserError) as error:
        labelled(RECORD | change, "x: line 1")
    assert str(error.value) == message


def test_relatives_are_left_out_once_each() -> None:
    """0 has a hit and shares a cluster, 2 shares one alone, 1 and 3 are each other's relatives."""
    cluster = np.array([7, 1, 2, 1, 4, 7, 2])
    kept, left_out = without_relatives([0], cluster, 5)
    assert kept.tolist() == [1, 3, 4]
    assert list(left_out.values()) == [1, 1]


def test_drawn_at_most() -> None:
    proteins = [Labelled(letter, "1", np.ones(1, bool)) for letter in "ACDEFGH"]
    assert drawn(proteins, 7, 0) == proteins
    some = [p.sequence for p in drawn(proteins, 3, 0)]
    assert len(set(some)) == 3
    assert some == sorted(some)


def test_definitions_on_a_chain_within_a_protein() -> None:
    """Helix in the chain: its residues 0 to 3; in the entry: 1 to 5, where 3 is not known."""
    chain = Labelled("ACDEFGHIKLMNP", "HHHHCCCCCCCCC", np.ones(13, bool))
    table = pd.DataFrame({"accession": ["P1"], "sequence": ["MKACDEFGHIKLMNPQ"]})
    places = places_in_run([chain], table)
    assert places == [(0, "P1", 2)]
    labels, known = np.zeros((16, 1), bool), np.ones((16, 1), bool)
    labels[3:8] = True
    known[5] = False
    population = POPULATIONS["FLIP_secondary_structure"]
    same = same_residues(population, [chain], places, lambda _: (labels, known), ["HELIX"]).iloc[0]
    # both: 1, 2; here 0, 1, 2; UniProt 1, 2, 4, 5
    assert same.tolist() == ["HELIX", 1, 2 / 3, 2 / 4, 4 / 7]


def pair(model: str, variant: str, layer: int, valid_f1: float) -> dict[str, object]:
    row = {"model": model, "variant": variant, "layer": layer, "valid_f1": valid_f1}
    row |= {"concept": "SIGNAL", "feature": 7, "threshold": 0.5, "n_clusters": 11}
    scores = ("f1", "f1_low", "f1_high", "recall", "false_positive_rate", "auroc", "base_rate")
    return row | dict.fromkeys(scores, 0.5)


def test_best_of_all_layers_by_valid() -> None:
    rows = [
        pair("m", "topk", 1, 0.4),
        pair("m", "topk", 2, 0.6),
        pair("m", "relu", 3, 0.9),
        pair("m", COORDINATES, 3, 0.3),
        pair("m-permuted", COORDINATES, 5, 0.2),
        pair("m-permuted", "topk", 6, 0.1),
        pair(ONEHOT, "topk", 0, 0.8),
    ]
    found = chosen_detectors(pd.DataFrame(rows), ["SIGNAL"], "topk").set_index("set")
    assert found["layer"].to_dict() == {SAE: 2, NAMES[COORDINATES]: 3, PERMUTED: 5}


def test_claimed_and_found() -> None:
    """Eleven clusters of 10 residues, 2 with the concept; the last of each is not known.

    The feature is on at both, the rule at one of them and at one without.
    """
    n = 11
    label = np.tile([1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1], n) > 0
    known = np.tile([1] * 10 + [0], n) > 0
    feature = np.tile([3.0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 9], n)
    rule = np.tile([1.0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1], n)
    claimed = pd.DataFrame({"set": [SAE, RULE], "concept": "SIGNAL"}).assign(
        f1=0.8, f1_low=0.7, f1_high=0.9, recall=0.8, false_positive_rate=0.01, auroc=0.9
    )
    claimed = claimed.assign(base_rate=0.1, n_clusters=13)
    residues = Residues(label[:, None], known, np.repeat(np.arange(n), 11), ["SIGNAL"])
    found = found_rows(claimed, np.stack([feature, rule], 1), np.array([1.0, 0.5]), residues)
    found = with_verdicts(found)
    sae, other = found.iloc[0], found.iloc[1]
    assert sae["found_base_rate"] == 0.2
    # 2 r b / (r b + a (1 - b) + b)
    assert sae["claimed_f1_here"] == pytest.approx(2 * 0.16 / (0.16 + 0.008 + 0.2))
    assert sae[["found_f1", "found_recall", "found_auroc"]].tolist() == [1, 1, 1]
    assert other["found_f1"] == 0.5
    assert other["found_false_positive_rate"] == 1 / 8
    assert np.isnan(other["found_auroc"])
    assert sae[["verdict", "best_other", "f1_difference"]].tolist() == ["above", RULE, 0.5]
    assert pd.isna(other["verdict"])
    shown = second_population_table(
        found.assign(population="TMbed", definition_f1=0.99, rule=["", "residue C"])
    )
    assert "| TMbed | SIGNAL | 11 | 10.0 → 20.0 | 0.80 [0.70, 0.90] | 0.87 | 1.00 [" in shown
    difference = "+0.50 [+0.50, +0.50]"  # the same in all clusters
    assert f"| 0.80 → 0.50 | {difference} | above (rule) |" in shown


def test_rules_are_found_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a library of three rules; the real one takes seconds."""

    class Library:
        rules = (Letters("S"), Letters("S", Place("N", 2, 2)), Everywhere())
        rule = rules.__getitem__

        def __len__(self) -> int:
            return len(self.rules)

    monkeypatch.setattr(second_population, "rule_library", Library)
    rule = named_rules({"S at residue 2"})["S at residue 2"]
    assert rule.on("MSS").tolist() == [False, True, False]


def test_detectors_on_sequences_are_those_of_the_run(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of every kind, both signs of a coordinate among them, as the annotate stage has them."""
    monkeypatch.chdir(finished_run(tmp_path_factory))
    config = read_config(RESULTS / "config.yaml")
    run = Run(RESULTS, config, "topk", 1)
    own = run.proteins.head(3)
    codes = _codes_of_annotate(config)
    expected = {name: _dense(codes[name], own["accession"]) for name in codes}
    half = expected[COORDINATES].shape[1] // 2
    wanted = [(name, int(values.sum(0).argmax())) for name, values in expected.items()]
    wanted.append((COORDINATES, half + int(expected[COORDINATES][:, half:].sum(0).argmax())))
    assert {name for name, _ in wanted} == {"topk", "batchtopk", *NAMES}
    values = np.stack([expected[name][:, feature] for name, feature in wanted], axis=1)
    assert (values > 0).any(0).all()
    chosen = pd.DataFrame(wanted, columns=["variant", "feature"]).assign(model=TINY, layer=1)
    found = run.activations(chosen, own["sequence"].tolist())
    np.testing.assert_allclose(found, values, rtol=1e-5, atol=1e-6)


def _codes_of_annotate(config: Config) -> dict[str, Codes]:
    of_model = {name: sorted(map(str, RESULTS.glob(pattern))) for name, pattern in INPUTS.items()}
    tables = [str(RESULTS / "proteins" / f"{name}.parquet") for name in ("proteins", "annotations")]
    lists = [of_model[name] for name in ("saes", "codes", "activations")]
    files = LayerFiles(*lists, *tables, of_model["mlp"], config.embed.model)
    inputs = open_layer(files, config.annotate, config.concepts, print)
    of_layer = inputs.layer, inputs.cache, inputs.codes, inputs.mlp
    return {**inputs.codes, **layer_baselines(*of_layer)}


def _dense(codes: Codes, accessions: pd.Series) -> np.ndarray:
    [(_, rows)] = codes.blocks(set(accessions), 10_000)
    return rows.toarray()


@pytest.mark.skipif(not SHARED.is_dir(), reason="no data beside the repository")
def test_the_real_file() -> None:
    found = read_populations(SHARED / "residue_labels.jsonl.gz")
    assert {name: len(proteins) for name, proteins in found.items()} == {
        "TMbed": 4445,
        "FLIP_secondary_structure": 7796,
    }
