import re

import pandas as pd

from protsae.schema.explained.prediction_tables import PREDICTIONS
from protsae.schema.explained.segment_table import SEGMENTS
from protsae.screen.explained_lines import WHAT_IT_SAYS, protein_lines, said_at_end
from protsae.screen.wording import WIDTH
from tests.helpers.fenced import ROOT

NAMES = (
    *("layer", "feature", "start", "end", "concept", "valid_f1", "f1", "f1_low", "f1_high"),
    *("q_value", "verdict", "best_baseline", "best_baseline_f1", "precision"),
    "defined_by_sequence",
)
SURE = ("SIGNAL", 0.7, 0.61, 0.52, 0.7, 0.01, "above", "rule", 0.5, 0.65, 0)
SURER_ON_TEST = ("SIGNAL", 0.6, 0.8, 0.7, 0.9, 0.01, "above", "rule", 0.5, 0.9, 0)
CALLED = ("TURN", 0.2, 0.3, None, None, 0.05, None, None, None, 0.25, 0)


def segments(*rows: tuple[object, ...]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=NAMES).assign(variant="topk").reindex(columns=SEGMENTS.names)


def predictions(*rows: tuple[object, ...]) -> pd.DataFrame:
    names = ["layer", "feature", "start", "concept", "probability"]
    table = pd.DataFrame(rows, columns=names).assign(variant="topk")
    return table.reindex(columns=PREDICTIONS.names)


NOTHING_ON = dict.fromkeys(range(5), 0)


def test_a_protein_in_words() -> None:
    rows = segments(
        (6, 1, 1, 22, *SURE),
        (6, 1, 40, 40, *SURE),
        (3, 5, 20, 25, *SURER_ON_TEST),
        (3, 5, 60, 65, *SURER_ON_TEST),
        (3, 7, 9, 10, *CALLED),
    )
    rows = rows.assign(calibration="uncalibrated", assumed_base_rate=0.0123, label="SIGNAL")
    rows.loc[4:, "label"] = "Turn, at G"
    predicted = predictions((6, 1, 1, "SIGNAL", 0.876), (6, 1, 40, "SIGNAL", 0.1))
    assert protein_lines("P1", 137, rows, predicted, {0: 2, 1: 1, 2: 1, 3: 1, 4: 2}) == [
        "P1: 137 residues",
        "  On, and above all baselines:",
        # The best is the one with the highest F1 on valid, whatever its F1 on test.
        "    SIGNAL at 1 to 22 (prob. 0.88, 2 features in 2 layers), 40 (prob. 0.10, 1 feature "
        "in 1 layer);",
        "      prob. uncalibrated, at base rate 0.012; F1 0.61 [0.52, 0.70], above (rule 0.50); "
        "6/topk/1",
        "  Called (q ≤ 0.05), but not above all baselines: 1 feature, 1 concept.",
        "    TURN (Turn, at G) at 9 to 10 (1 feature in 1 layer); F1 0.30; 3/topk/7",
        "  Not listed: 1 called for what the sequence defines, such as an amino acid or a motif, 1 "
        "not called",
        "              for their concept (q > 0.05), 2 without a concept",
    ]


def test_a_concept_may_be_predicted_by_a_feature_that_matches_another_better() -> None:
    """Feature 9 has a higher F1 on valid for DISULFID than feature 1, whose own concept it is."""
    disulfid = ("DISULFID", 0.2, 0.1, None, None, 0.02, None, None, None, 0.25, 0)
    rows = segments((6, 1, 5, 5, *disulfid)).assign(label="unknown")
    predicted = predictions((5, 9, 30, "DISULFID", 0.6)).assign(
        **{"end": 30, "label": "Cysteine", "valid_f1": 0.7, "f1": 0.63, "q_value": 0.01},
        **{"verdict": "undecided", "best_baseline": "rule", "best_baseline_f1": 0.59},
        **{"calibration": "calibrated", "assumed_base_rate": 0.001, "recurs": 1},
    )
    assert protein_lines("P1", 137, rows, predicted, NOTHING_ON)[2:] == [
        "  Called (q ≤ 0.05), but not above all baselines: 2 features, 1 concept.",
        "    DISULFID (Cysteine) at 30 (prob. 0.60, 1 feature in 1 layer); prob. calibrated, at "
        "base rate",
        "      0.001; F1 0.63, undecided (rule 0.59); 5/topk/9",
    ]


def test_a_protein_in_which_nothing_is_on() -> None:
    assert protein_lines("P1", 1, segments(), predictions(), NOTHING_ON) == [
        "P1: 1 residue",
        "  No feature above all baselines is on.",
    ]


def test_many_concepts_and_hostile_names_keep_to_the_page() -> None:
    rows = [(6, i, 1, 5000, f"{'long ' * 30}\n\x07 {i}", *SURE[1:]) for i in range(30)]
    lines = protein_lines("P\n1", 5000, segments(*rows), predictions(), NOTHING_ON)
    assert lines[-2].startswith("    and 22 more concepts: long long ")
    assert lines[-1].endswith(" ...")
    assert all(len(line) <= WIDTH and line.isprintable() for line in lines)


def test_the_document_shows_what_is_printed() -> None:
    text = (ROOT / "docs" / "own_proteins.md").read_text()
    shown = re.search(r"```\n(P01308: .*?)```", text, re.DOTALL)
    assert shown, "docs/own_proteins.md has no output of protsae explain"
    lines = shown[1].splitlines()
    assert lines[1] == protein_lines("P01308", 110, segments(), predictions(), NOTHING_ON)[1]
    assert WHAT_IT_SAYS in lines
    heads = (r"    SIGNAL \(.*", r"  Called \(q ≤ 0\.05\), but not above all baselines: .*")
    assert all(any(re.fullmatch(head, line) for line in lines) for head in heads)


def test_what_is_left_out_is_said() -> None:
    written = {"n_proteins": 2, "n_segments": 1, "n_j": 3}
    assert said_at_end("out", written, ["a page"]) == [
        WHAT_IT_SAYS,
        "note: a page",
        "note: 3 J read as X (ESM-2 has no J)",
        "wrote out/: predictions, 1 segment and explain.html, of 2 proteins",
    ]
