"""What designs have become, in words, by hand."""

import re
from types import SimpleNamespace

import pandas as pd

from protsae.screen.interventions.steered_lines import judge_lines, steered_lines

DESIGN = {
    **{"start": "P1", "arm": "steered", "sequence": "MKV", "identity": 0.5, "activation": 0.25},
    **{"pairwise_identity": 0.75, "pseudo_perplexity": 9.0, "hydropathy": 0.1, "charge": 0.33},
    **{"judged": None, "concept": None, "window_share": None, "window_has_concept": None},
    **{"homologue": None, "homologue_has_concept": None},
}


def said(*designs: dict[str, object]) -> str:
    rows = [DESIGN | design | {"design": i + 1} for i, design in enumerate(designs)]
    return re.sub(r"\s+", " ", " ".join(steered_lines(pd.DataFrame(rows))))


def test_scores_and_rules() -> None:
    assert said({"judged": "negative"}, {"judged": "negative; homologue", "identity": 0.25}) == (
        "P1: 3 residues, 2 designs in each arm steered: mean activation 0.25; identity to the "
        "start 38%; to each other 75%; pseudo-perplexity 9.0; hydropathy +0.10; charge +0.33 per "
        "residue; judged: negative 2 of 2, homologue 1 of 2"
    )


def test_what_is_judged_by_a_concept() -> None:
    has = {"concept": "SIGNAL", "window_share": 0.3, "window_has_concept": 1}
    lacks = {"concept": "SIGNAL", "window_share": 0.1, "window_has_concept": 0}
    assert said(has, lacks).endswith(
        "judged: nothing new; SIGNAL by window at 20% of residues, unusually much in 1 of 2"
    )
    found = {"homologue": "Q1", "homologue_has_concept": 1}
    other = {"homologue": "Q2", "homologue_has_concept": 0}
    assert said(has | found, lacks | other, lacks | {"homologue_has_concept": 0}).endswith(
        "unusually much in 1 of 3; 2 of 3 have a homologue in train, 1 one with SIGNAL"
    )
    assert said(lacks | {"homologue_has_concept": 0}).endswith(
        "unusually much in 0 of 1; none has a homologue in train"
    )


def test_arms_are_set_side_by_side() -> None:
    steered = {"concept": "SIGNAL", "window_share": 0.3, "window_has_concept": 1}
    plain = steered | {"arm": "none", "window_has_concept": 0}
    assert said(steered, plain, plain).endswith(
        "Designs with unusually much SIGNAL by window: steered 1 of 1, none 0 of 2"
    )
    assert "Designs with" not in said(steered, steered)
    assert "Designs with" not in said({}, {"arm": "none"})


def test_a_design_by_itself_has_none_to_compare_with() -> None:
    assert "to each other" not in said({"pairwise_identity": None})


def test_without_a_concept_the_screen_says_how_to_name_one() -> None:
    assert judge_lines(None) == [
        "note: no concept to judge by: no window probe, no homologues; name it: --concept"
    ]
    window = SimpleNamespace(concept="SIGNAL", valid_f1=0.693)
    assert "a probe of SIGNAL" in judge_lines(window)[0]
    assert "(F1 0.69 on valid" in judge_lines(window)[0]
