"""Features and pairs beside the best detector of each baseline, the references and the rule."""

from collections.abc import Sequence

import pandas as pd

from protsae.association.frozen_saes import is_frozen
from protsae.config.reserved_names import (
    COORDINATES,
    DETECTORS,
    MLP,
    ONEHOT,
    PCA,
    RANDOM,
    is_permuted,
)

_OF_LAYER = {
    **{COORDINATES: "coordinate_f1", PCA: "pca_f1", RANDOM: "random_f1"},
    MLP: "mlp_f1",
}
"""Sets of detectors of a feature's own layer, and the column of each."""

DETECTOR_BASELINES = (*_OF_LAYER.values(), "frozen_f1", "onehot_f1", "permuted_f1")
"""Columns of the feature table: test F1 of the best detector of each baseline, chosen on valid."""

BASELINES = (*DETECTOR_BASELINES, "rule_f1")
"""The same, and the F1 of the best rule on the sequence, chosen on train and valid."""

OF_REFERENCES = ("window_f1", "homology_f1")
"""Columns of the test F1 of references: they use labels of training proteins, but no language
model."""


def best_per_concept(pairs: pd.DataFrame, by: Sequence[str] = ()) -> pd.DataFrame:
    """The row with the highest ``valid_f1`` for each concept (within each group of ``by``).

    The first of equals is kept; rows without a concept are dropped.
    """
    scored = pairs[pairs["concept"].notna()]
    ordered = scored.sort_values("valid_f1", ascending=False, kind="stable")
    return ordered.drop_duplicates([*by, "concept"]).sort_index()


def best_pairs(associations: pd.DataFrame, frozen: pd.Series) -> pd.DataFrame:
    """The pair of each concept with the highest ``valid_f1``, by concept.

    Of the features of the trained model's SAEs, those with a frozen part aside, in all layers; of
    equals the first. A feature may have a concept of its own that it matches better.

    Parameters
    ----------
    associations : DataFrame
        As in docs/tables.md.
    frozen : Series of bool
        Which of them are of SAEs with a frozen part.
    """
    is_sae = ~associations["variant"].isin(DETECTORS) & ~frozen
    permuted = associations["model"].map(is_permuted).astype(bool)
    own = associations[is_sae & ~permuted & (associations["model"] != ONEHOT)]
    return best_per_concept(own).sort_values("concept", ignore_index=True)


def with_baselines(
    features: pd.DataFrame,
    associations: pd.DataFrame,
    frozen: pd.Series,
    probes: pd.DataFrame,
    references: pd.DataFrame,
    rules: pd.DataFrame,
    d_model: dict[tuple[str, int], int],
) -> pd.DataFrame:
    """Features with ``BASELINES``, ``OF_REFERENCES`` and ``probe_f1``, and which coordinate it is.

    And with the rule on the sequence, as `with_rules` joins it.

    For a feature's concept, of all detectors of a baseline the one with the highest ``valid_f1``;
    its F1 on test. Coordinates, principal components, the random dictionary, neurons and frozen
    SAEs are those of the feature's layer; detectors on one-hot sequences, and on the permuted model
    (of any layer of it), serve all layers. Empty for those themselves, and where no detector's
    valid F1 was high enough to be kept (``annotate.min_f1``).

    Parameters
    ----------
    features, associations, probes, references, rules : DataFrame
        As in docs/tables.md; features without these columns, or pairs with ``freeze``.
    frozen : Series of bool
        Which of the associations are of SAEs with a frozen part.
    d_model : dict of (model, layer) to int
        Coordinates of each layer.
    """
    features = with_rules(features, rules)
    place = ["model", "layer", "concept"]
    of_probes = probes[[*place, "f1"]].rename(columns={"f1": "probe_f1"})
    found = features.merge(of_probes, on=place, how="left", validate="many_to_one")
    for method, column in zip(("blosum_window", "homology"), OF_REFERENCES, strict=True):
        f1 = references[references["method"] == method].set_index("concept")["f1"]
        found[column] = found["concept"].map(f1).astype("float64")
    for variant, column in _OF_LAYER.items():
        best = best_per_concept(
            associations[associations["variant"] == variant], by=["model", "layer"]
        )
        columns = {"f1": column, "feature": "detector"}
        of_variant = best[[*place, "f1", "feature"]].rename(columns=columns)
        found = found.merge(of_variant, on=place, how="left", validate="many_to_one")
        if variant == COORDINATES:
            width = [d_model[key] for key in zip(found["model"], found["layer"], strict=True)]
            detector = found["detector"].astype("Int64")
            found["coordinate"] = detector % width
            found["coordinate_sign"] = (detector < pd.array(width)).map({True: 1, False: -1})
            found["coordinate_sign"] = found["coordinate_sign"].astype("Int64")
        found = found.drop(columns="detector")
    best = best_per_concept(associations[frozen], by=["model", "layer"])
    of_best = best[[*place, "f1"]].rename(columns={"f1": "frozen_f1"})
    found = found.merge(of_best, on=place, how="left", validate="many_to_one")
    found["frozen_f1"] = found["frozen_f1"].where(~is_frozen(found)).astype("float64")
    everywhere = {"onehot_f1": associations["model"] == ONEHOT}
    everywhere["permuted_f1"] = associations["model"].map(is_permuted).astype(bool)
    for column, mine in everywhere.items():
        f1 = best_per_concept(associations[mine]).set_index("concept")["f1"]
        own = found["model"].isin(associations.loc[mine, "model"].unique())
        found[column] = found["concept"].map(f1).where(~own).astype("float64")
    return found


def with_rules(rows: pd.DataFrame, rules: pd.DataFrame) -> pd.DataFrame:
    """Features or associations with the rule of their concept: its name, and its F1 on test.

    And whether the sequence defines the concept. All empty where a feature has no concept.

    Examples
    --------
    >>> rules = {"concept": ["SIGNAL"], "rule": ["everywhere"], "f1": [0.5]}
    >>> rules = pd.DataFrame({**rules, "defined_by_sequence": [0]})
    >>> found = with_rules(pd.DataFrame({"concept": ["SIGNAL", None]}), rules)
    >>> found[["rule", "rule_f1", "defined_by_sequence"]].values.tolist()
    [['everywhere', 0.5, 0], [None, nan, <NA>]]
    """
    of_concept = rules.set_index("concept")
    rule = rows["concept"].map(of_concept["rule"]).astype(object)
    defined = rows["concept"].map(of_concept["defined_by_sequence"])
    return rows.assign(
        rule=rule.where(rule.notna(), None),
        rule_f1=rows["concept"].map(of_concept["f1"]).astype("float64"),
        defined_by_sequence=defined.astype("float64").astype("Int64"),
    )
