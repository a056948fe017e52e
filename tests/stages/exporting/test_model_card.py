"""What a model card says of SAEs, their run and the features of concepts, on made-up rows."""

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest

from protsae.io.saes.sae_files import SaeSource
from protsae.stages.exporting.model_card import CardSae, card_text, front_matter

OF_RUN = {
    "licence": "CC-BY-4.0",
    "source": {"kind": "table"},
    "n_proteins": {"train": 7, "valid": 2, "test": 3},
    "n_residues": {"train": 700},
    "further_proteins": [],
}
SCORES = {"n_features": 5, "l0": 2.0, "fvu": 0.5, "loss_recovered": 0.9, "dead_fraction": 0.0}
SOURCE = SaeSource("topk", 2, "esm2_tiny", "ab" * 32, 1, "cd" * 32, "ef" * 32, 700, {}, {}, "0")


def rows(*pairs: tuple[int, str | None, float, float]) -> pd.DataFrame:
    """Features with a concept, an F1 on valid and a q-value; their F1 on test is half as high."""
    table = pd.DataFrame(pairs, columns=["feature", "concept", "valid_f1", "q_value"])
    f1 = table["valid_f1"] / 2
    ends = {"f1": f1, "f1_low": f1 - 0.1, "f1_high": f1 + 0.1, "verdict": "undecided"}
    ends |= {"best_baseline": "rule", "best_baseline_f1": 0.25}
    return table.assign(defined_by_sequence=table["concept"].eq("residue: C") * 1, **ends)


NONE = rows().assign(own_concept=None)
"""No best features beside a feature's own concept."""


def card(*saes: tuple[str, pd.DataFrame, pd.DataFrame], **of_run: Any) -> str:
    described = [CardSae(name, SOURCE, {**SCORES, "d_model": 3}, *both) for name, *both in saes]
    return card_text(described, {**OF_RUN, **of_run})


def named(*saes: tuple[str, pd.DataFrame, pd.DataFrame]) -> list[str]:
    """The card's lines on concepts."""
    found = card(*saes).split("## What features detect\n\n")[1]
    return found.split("\n\nThe best feature of each")[0].splitlines()[2:]


def test_a_concept_s_best_feature_may_match_another_one_better() -> None:
    own = rows((0, "SIGNAL", 0.8, 0.01), (1, "DISULFID", 0.2, 0.01), (2, "residue: C", 0.9, 0.01))
    best = rows((0, "SIGNAL", 0.8, 0.01), (2, "DISULFID", 0.6, 0.01)).assign(
        own_concept=["SIGNAL", "residue: C"]
    )
    assert named(("layer-01/topk", own, best)) == [
        "| SIGNAL | `layer-01/topk` 0 | 0.40 [0.30, 0.50] | rule 0.25 | undecided |",
        "| DISULFID | `layer-01/topk` 2 (itself: residue: C) | 0.30 [0.20, 0.40] "
        "| rule 0.25 | undecided |",
    ]


def test_only_pairs_that_are_called_count() -> None:
    own = rows((0, "SIGNAL", 0.8, 0.06), (1, "DISULFID", 0.2, 0.05), (2, None, 0.0, 1.0))
    best = rows((2, "DISULFID", 0.6, 0.06)).assign(own_concept="residue: C")
    assert named(("layer-01/topk", own, best)) == [
        "| DISULFID | `layer-01/topk` 1 | 0.10 [0.00, 0.20] | rule 0.25 | undecided |",
    ]


def test_the_best_of_several_saes() -> None:
    first, second = rows((4, "SIGNAL", 0.3, 0.01)), rows((3, "SIGNAL", 0.4, 0.01))
    assert named(("layer-01/topk", first, NONE), ("layer-02/topk", second, NONE)) == [
        "| SIGNAL | `layer-02/topk` 3 | 0.20 [0.10, 0.30] | rule 0.25 | undecided |",
    ]


def test_of_equal_features_the_first_is_named() -> None:
    own = rows(*((feature, "SIGNAL", 0.8, 0.01) for feature in (3, 1, 2)))
    [line] = named(("layer-01/topk", own, NONE))
    assert line.startswith("| SIGNAL | `layer-01/topk` 3 |")


def test_a_feature_without_an_interval_and_a_verdict() -> None:
    own = rows((0, "SIGNAL", 0.8, 0.01)).assign(f1_low=np.nan, f1_high=np.nan, verdict=None)
    assert named(("layer-01/topk", own, NONE)) == [
        "| SIGNAL | `layer-01/topk` 0 | 0.40 | rule 0.25 | none |",
    ]


def test_the_name_of_a_concept_stays_in_its_cell() -> None:
    own = rows((0, "A|B\nC", 0.8, 0.01))
    [line] = named(("layer-01/topk", own, NONE))
    assert line.startswith("| A\\|B C | `layer-01/topk` 0 |")


@pytest.mark.parametrize(
    ("n_concepts", "end"),
    [(12, []), (13, ["", "and 1 more concept."]), (14, ["", "and 2 more concepts."])],
)
def test_twelve_concepts_are_named_and_the_others_counted(n_concepts: int, end: list[str]) -> None:
    pairs = [(i, f"DOMAIN {i}", 0.8 - i / 100, 0.01) for i in range(n_concepts)]
    lines = named(("layer-01/topk", rows(*pairs), NONE))
    assert [line.split(" | ")[0] for line in lines[:12]] == [f"| DOMAIN {i}" for i in range(12)]
    assert lines[12:] == end


def test_a_card_without_a_called_feature() -> None:
    own = rows((0, "residue: C", 0.9, 0.01))
    assert (
        "## What features detect\n\n"
        "No feature is called for a concept that the sequence does not define.\n\n"
    ) in card(("layer-01/topk", own, NONE))


@pytest.mark.parametrize("missing", [None, np.nan], ids=["none", "nan"])
def test_the_line_of_an_sae(missing: float | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Called: one above all baselines and one not; not one of the sequence, nor one of chance."""
    monkeypatch.setitem(SCORES, "loss_recovered", missing)
    own = rows(
        *((0, "SIGNAL", 0.8, 0.01), (1, "DISULFID", 0.2, 0.05)),
        *((2, "residue: C", 0.9, 0.01), (3, "SIGNAL", 0.1, 0.06), (4, None, 0.0, 1.0)),
    )
    own.loc[0, "verdict"] = "above"
    assert "\n| `layer-01/topk` | topk | 5 | 2 | 0.5 | - | 0 | 2 |\n" in card(
        ("layer-01/topk", own, NONE)
    )


def test_what_is_said_of_model_and_data() -> None:
    of_run = {"source": {"kind": "uniprot", "file": "a.json"}, "n_residues": {"train": 1009}}
    found = card(("layer-01/topk", NONE, NONE), **of_run)
    keys = re.findall(r"^(\w+):", found.split("---\n")[1], re.MULTILINE)
    assert keys == ["license", "library_name", "tags"]
    assert "(sha256 of its weights abababababab...)" in found
    assert "\nSource: {file: a.json, kind: uniprot}\n" in found
    assert "\n7 proteins (1,009 residues) for training, 2 for validation and 3 for\ntest; " in found
    assert "are in one of the three.\n\n## Licence\n\nCC-BY-4.0. The model" in found


def test_further_proteins_are_counted_by_files() -> None:
    found = card(("layer-01/topk", NONE, NONE), further_proteins=["a.fasta", "b.fasta", "c.fasta"])
    assert "the three. SAEs have seen further proteins, too: 3 files.\n" in found


@pytest.mark.parametrize(
    ("model", "licence", "stated"),
    [
        ("esm2_t6_8M_UR50D", "MIT", {"license": "mit", "base_model": "facebook/esm2_t6_8M_UR50D"}),
        ("esm2_t6_8M_UR50D_own", "in house", {"license": "other", "license_name": "in house"}),
        ("own_esm2_t6_8M_UR50D", "not stated", {}),
    ],
    ids=["released", "of our own", "no licence"],
)
def test_what_the_hub_is_told(model: str, licence: str, stated: dict[str, str]) -> None:
    found = front_matter(model, licence)
    assert (found.pop("library_name"), "saelens" in found.pop("tags")) == ("saelens", True)
    assert found == stated


def test_the_first_sae_is_the_example() -> None:
    found = card(("layer-02/topk", NONE, NONE), ("layer-01/topk", NONE, NONE))
    assert 'SAE.load_from_disk(f"{folder}/layer-02/topk")' in found
    assert re.findall(r"^\| `(.*?)` \|", found, re.MULTILINE) == ["layer-02/topk", "layer-01/topk"]
