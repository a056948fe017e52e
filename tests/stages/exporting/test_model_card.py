"""Which feature a model card names for a concept, in rows worked out by hand."""

import pandas as pd

from protsae.io.saes.sae_files import SaeSource
from protsae.stages.exporting.model_card import CardSae, card_text

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
    return table.assign(defined_by_sequence=table["concept"].eq("residue: C") * 1, **ends)


def named(*saes: tuple[str, pd.DataFrame, pd.DataFrame]) -> list[str]:
    """The card's lines on concepts."""
    described = [CardSae(name, SOURCE, {**SCORES, "d_model": 3}, *both) for name, *both in saes]
    found = card_text(described, OF_RUN).split("## What features detect\n\n")[1]
    return found.split("\n\nThe best feature of each")[0].splitlines()[2:]


def test_a_concept_s_best_feature_may_match_another_one_better() -> None:
    own = rows((0, "SIGNAL", 0.8, 0.01), (1, "DISULFID", 0.2, 0.01), (2, "residue: C", 0.9, 0.01))
    best = rows((0, "SIGNAL", 0.8, 0.01), (2, "DISULFID", 0.6, 0.01)).assign(
        own_concept=["SIGNAL", "residue: C"]
    )
    assert named(("layer-01/topk", own, best)) == [
        "| SIGNAL | `layer-01/topk` 0 | 0.40 [0.30, 0.50] | undecided |",
        "| DISULFID | `layer-01/topk` 2 (itself: residue: C) | 0.30 [0.20, 0.40] | undecided |",
    ]


def test_only_pairs_that_are_called_count() -> None:
    own = rows((0, "SIGNAL", 0.8, 0.06), (1, "DISULFID", 0.2, 0.05), (2, None, 0.0, 1.0))
    best = rows((2, "DISULFID", 0.6, 0.06)).assign(own_concept="residue: C")
    assert named(("layer-01/topk", own, best)) == [
        "| DISULFID | `layer-01/topk` 1 | 0.10 [0.00, 0.20] | undecided |",
    ]


def test_the_best_of_several_saes() -> None:
    none = rows().assign(own_concept=None)
    first, second = rows((4, "SIGNAL", 0.3, 0.01)), rows((3, "SIGNAL", 0.4, 0.01))
    assert named(("layer-01/topk", first, none), ("layer-02/topk", second, none)) == [
        "| SIGNAL | `layer-02/topk` 3 | 0.20 [0.10, 0.30] | undecided |",
    ]
