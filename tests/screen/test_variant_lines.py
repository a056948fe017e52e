"""Variants in words."""

import pandas as pd

from protsae.screen.variant_lines import said_at_end, variant_lines


def variant(mutant: str, masked: float, n: int = 1) -> dict[str, object]:
    log_odds = {"masked_log_odds": masked, "wild_type_log_odds": 0.5}
    return {"protein": "P1", "mutant": mutant, "n_substitutions": n, **log_odds}


def feature(mutant: str, change: str, label: str | None, number: int) -> dict[str, object]:
    what = {"change": change, "label": label, "confidence": "low" if number > 5 else "high"}
    where = {"layer": 3, "variant": "topk", "feature": number, "position": 7}
    return {"mutant": mutant, **what, **where, "recurs": 0 if number == 7 else None}


def test_the_least_expected_with_their_features() -> None:
    variants = pd.DataFrame(
        [variant("A7V", 0.7), variant("A7P:K9R", -2.0, 2), variant("A7W", -3.0)]
    )
    features = pd.DataFrame(
        [
            feature("A7W", "lost", "A", 1),
            feature("A7W", "less", "A", 2),
            feature("A7W", "lost", "unknown", 3),
            feature("A7W", "gained", "Residues with W at -2", 7),
            feature("A7P:K9R", "more", None, 9),
        ]
    ).astype({"recurs": "Int64"})
    assert variant_lines(variants, features, 2) == [
        "P1: 3 mutants",
        "  The 2 that the model expects least:",
        "  A7W: log-odds -3.00 (the new residue 20 times less likely), 0.50 with no residue masked",
        "    Lost: A (at residue 7; layer 3, topk 1 and 1 more), without a label (at residue 7; "
        "layer 3, topk",
        "          3)",
        "    Gained: Residues with W at -2 (at residue 7; layer 3, topk 7; low confidence; does "
        "not recur)",
        "  A7P:K9R: log-odds -2.00 (the new residues 7.4 times less likely), 0.50 with no residue "
        "masked",
        "    Gained: without a label (at residue 7; layer 3, topk 9; low confidence)",
    ]


def test_without_features() -> None:
    variants = pd.DataFrame([variant("A7V", 0.7)])
    none = pd.DataFrame(columns=list(feature("A7V", "lost", "A", 1)))
    assert variant_lines(variants, none, 5) == [
        "P1: 1 mutant",
        "  A7V: log-odds 0.70 (the new residue 2.0 times more likely), 0.50 with no residue masked",
    ]
    assert said_at_end("out", variants, 0)[1:] == [
        "note: features were not asked for",
        "wrote out/: variants and variant_features, of 1 mutant",
    ]
