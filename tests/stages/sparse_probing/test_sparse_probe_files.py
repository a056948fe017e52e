import numpy as np
import pandas as pd

from protsae.stages.sparse_probing.sparse_probe_files import sparse_probe_lines


def rows() -> pd.DataFrame:
    """Three concepts: a linear probe detects two of them, and one occurs in few clusters."""
    parts = []
    for variant, freeze, f1 in (
        ("topk", "none", 0.5),
        ("frozen", "decoder", 0.25),
        ("mlp", "none", 0.4),
    ):
        for concept, is_told, low in (("A", True, 0.1), ("B", True, 0.1), ("C", False, np.nan)):
            for k in (1, 3):
                parts.append(
                    {
                        "layer": 4,
                        "variant": variant,
                        "freeze": freeze,
                        "concept": concept,
                        "k": k,
                        "f1": f1 + k / 10,
                        "f1_low": low,
                        "is_fewest": float(variant == "topk" and k == 3) if is_told else np.nan,
                        "verdict": {"A": "above", "B": "undecided"}.get(concept)
                        if variant == "topk"
                        else None,
                    }
                )
    return pd.DataFrame(parts)


def test_what_is_said_of_a_layer() -> None:
    assert sparse_probe_lines(rows()) == [
        "layer 4: a linear probe detects 2 of 3 concepts (F1 surely above that of calling every "
        "residue); at most 3 detectors come close to it (on valid) for this many of them: topk 2, "
        "frozen 0, neurons 0",
        "layer 4: median test F1 with 3 detectors, over 2 concepts in at least 10 homology "
        "clusters: topk 0.80, frozen 0.55, neurons 0.70",
        "layer 4, topk, 3 features: of 2 concepts compared, F1 is above every simpler set for 1 "
        "and below the best of them for 0",
    ]


def test_without_a_frozen_sae_it_says_so() -> None:
    own = rows()
    lines = sparse_probe_lines(own[own["freeze"] == "none"])
    assert lines[-1] == "layer 4: no frozen SAE, so nothing of equal width to compare with"
