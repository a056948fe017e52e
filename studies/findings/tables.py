"""What docs/findings.md shows: findings on other proteins, distances to probes, reliability.

Nothing here reads a run: ``best`` is what ``write_page.best_detectors`` gives.
"""

from collections.abc import Collection

import numpy as np
import pandas as pd

from protsae.association.baseline_comparison import RULE
from protsae.association.scoring.metrics import ratio
from protsae.association.verdicts import ABOVE
from protsae.config.reserved_names import COORDINATES, MLP, ONEHOT, PCA, RANDOM, is_permuted
from protsae.errors import UserError

SAE, FROZEN, PERMUTED = "SAE", "frozen SAE", "permuted model"
NAMES = {
    **{COORDINATES: "coordinates", PCA: "principal components", RANDOM: "random dictionary"},
    MLP: "neurons",
}
OF_LAYERS = (*NAMES.values(), FROZEN)
"""Baselines that each layer of the trained model has."""
BASELINES = (*OF_LAYERS, ONEHOT, PERMUTED, RULE)
"""What a feature must be above to be a finding, beside always being on."""
WINDOW, HOMOLOGUE, PROBE = "BLOSUM62 window", "homologue's annotation", "probe of the layer"
SUPERVISED = (WINDOW, HOMOLOGUE, PROBE)
PERMUTED_PROBE, ONEHOT_PROBE = "probe, permuted model", "probe, one residue"
"""Shown beside the probe of the layer; no verdict depends on them."""

ALL_LAYERS = -1
"""In place of a layer: the best of all, and sets that belong to none of the trained model's."""

N_SHOWN = 26
"""Concepts of UniProt in the figures: those with most homology clusters."""
N_TYPES = 12
"""Types of UniProt held against probes, likewise."""
NORMAL_95 = 1.959964
"""97.5 % quantile of the standard normal distribution."""


def set_names(variants: pd.Series, frozen: Collection[str]) -> pd.Series:
    """What each set of detectors of the trained model is called: one of ``OF_LAYERS``, or SAE.

    Examples
    --------
    >>> set_names(pd.Series(["topk", "mlp", "fixed"]), ["fixed"]).tolist()
    ['SAE', 'neurons', 'frozen SAE']
    """
    return variants.map({**NAMES, **dict.fromkeys(frozen, FROZEN)}).fillna(SAE)


def shown_model(name: str) -> str:
    """What a figure or table calls a model: trained, permuted or onehot."""
    return ONEHOT if name == ONEHOT else "permuted" if is_permuted(name) else "trained"


def over_layers(best: pd.DataFrame) -> pd.DataFrame:
    """Of each concept and set, the row of the layer that is best on valid."""
    rows = best.sort_values("valid_f1", ascending=False, kind="stable")
    return rows.drop_duplicates(["concept", "set"])


def commonest(best: pd.DataFrame, n: int, bare: bool = False) -> list[str]:
    """UniProt's concepts with most homology clusters in test, whoever finds them or nobody.

    Parameters
    ----------
    best : DataFrame
        Columns concept, concept_type, n_clusters; probes have a row for every concept.
    n : int
        Concepts wanted; of equals the first by name.
    bare : bool
        Whole types only, such as DOMAIN, not DOMAIN: EGF-like.

    Examples
    --------
    >>> names, types = ["SIGNAL", "HELIX", "class: tiny"], ["SIGNAL", "HELIX", "class"]
    >>> columns = {"concept": names, "concept_type": types, "n_clusters": [2, 5, 9]}
    >>> commonest(pd.DataFrame(columns), 1)
    ['HELIX']
    """
    uniprot = best[best["concept_type"].str.isupper()]
    if bare:
        uniprot = uniprot[uniprot["concept"] == uniprot["concept_type"]]
    clusters = uniprot.groupby("concept")["n_clusters"].max().sort_index()
    falling = clusters.sort_values(ascending=False, kind="stable")
    return [str(name) for name in falling.index[:n]]


def stated(verdicts: pd.DataFrame, elsewhere: pd.DataFrame | None = None) -> pd.DataFrame:
    """The findings: concepts that an SAE feature is above everything for, the highest F1 first.

    Parameters
    ----------
    verdicts : DataFrame
        From ``studies/findings/comparison.py``.
    elsewhere : DataFrame, optional
        Of the same run, from ``studies/second_population/measure.py``.

    Returns
    -------
    DataFrame
        Rows of ``verdicts``, over all layers. With ``elsewhere`` also what is claimed of the
        feature and found there, there_*; empty for concepts that have no labels there.

    Raises
    ------
    UserError
        If ``elsewhere`` is of other features.
    """
    above = (verdicts["layer"] == ALL_LAYERS) & (verdicts["verdict"] == ABOVE)
    rows = verdicts[above].sort_values("sae_f1", ascending=False, kind="stable")
    if elsewhere is None:
        return rows.reset_index(drop=True)
    own = elsewhere[elsewhere["set"] == SAE].add_prefix("there_")
    both = rows.merge(own, how="left", left_on="concept", right_on="there_concept")
    known = both[both["there_concept"].notna()]
    for ours, theirs in (("of_layer", "there_layer"), ("feature", "there_feature")):
        other = known.loc[known[ours] != known[theirs], "concept"]
        if len(other):
            raise UserError(
                f"second_population.tsv: {other.iloc[0]} has another feature than in "
                "verdicts.tsv; make it again from the same run (--second-population)"
            )
    return both


def against_probes(best: pd.DataFrame) -> pd.DataFrame:
    """Probe, SAE feature and coordinate, layer by layer, for the commonest concepts and types.

    Probes of the permuted model stand beside those of the same layer and, ``permuted_best``, the
    layer that is best on valid; the BLOSUM62 window and the residue itself have no layer.
    """
    names = dict.fromkeys([*commonest(best, N_SHOWN), *commonest(best, N_TYPES, bare=True)])
    rows = best[best["concept"].isin(names)]
    clusters = rows.groupby("concept")["n_clusters"].max().astype(int)
    table = rows.loc[rows["set"] == PROBE, ["concept", "concept_type", "layer", "always_on_f1"]]
    table = table.assign(n_clusters=table["concept"].map(clusters))
    interval, area = ([name, f"{name}_low", f"{name}_high"] for name in ("f1", "auroc"))
    for name, prefix, scores in (
        (PROBE, "probe", [*interval, *area, "selectivity"]),
        (SAE, "sae", [*interval, *area]),
        (NAMES[COORDINATES], "coordinate", interval),
        (PERMUTED_PROBE, "permuted", ["f1", "auroc"]),
    ):
        own = rows[rows["set"] == name].set_index(["concept", "layer"])[scores]
        table = table.join(own.add_prefix(f"{prefix}_"), on=["concept", "layer"])
    overall = over_layers(rows).set_index("concept")
    for name, prefix in (
        (PERMUTED_PROBE, "permuted_best"),
        (WINDOW, "window"),
        (ONEHOT_PROBE, "onehot"),
    ):
        table[f"{prefix}_f1"] = table["concept"].map(overall.loc[overall["set"] == name, "f1"])
    order = ["n_clusters", "concept", "layer"]
    return table.sort_values(order, ascending=[False, True, True], ignore_index=True)


def wilson_interval(hits: np.ndarray, number: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """95 % interval of a share, hits / number, after Wilson (1927); numbers need not be whole.

    Examples
    --------
    >>> low, high = wilson_interval(np.array([20]), np.array([50]))
    >>> low.round(3).tolist(), high.round(3).tolist()
    ([0.276], [0.538])
    """
    share, squared = ratio(hits, number), NORMAL_95**2
    centre = (share + squared / (2 * number)) / (1 + squared / number)
    half = NORMAL_95 * np.sqrt(share * (1 - share) / number + squared / (4 * number**2))
    half /= 1 + squared / number
    return centre - half, centre + half


def pool_reliability(layers: pd.DataFrame) -> pd.DataFrame:
    """Expected and observed share of hidden instances among candidates, by bin, over all layers.

    Counts are summed. Layers look at the same proteins, so the interval of ``observed_share`` is
    Wilson's on the mean count of a layer, as if each but the first told nothing new. It still takes
    the candidates of a layer as independent, which those of one instance or of homologues are not:
    the truth is wider.

    Parameters
    ----------
    layers : DataFrame
        One row for each layer and bin of one model, as in docs/tables.md.

    Returns
    -------
    DataFrame
        Also the layer with the largest difference of observed and expected share, that, and its
        number of candidates.
    """
    rows = layers.assign(
        expected=layers["expected_share"] * layers["n_candidates"],
        summed=layers["probability"] * layers["n_candidates"],
        difference=layers["observed_share"] - layers["expected_share"],
    )
    bins = rows.groupby(["p_from", "p_to"])
    pooled = bins[["n_candidates", "n_hidden", "expected", "summed"]].sum()
    number, n_layers = pooled["n_candidates"].to_numpy(), bins["layer"].nunique().to_numpy()
    low, high = wilson_interval(pooled["n_hidden"].to_numpy() / n_layers, number / n_layers)
    farthest = rows.loc[bins["difference"].apply(lambda values: values.abs().idxmax())]
    pooled = pooled.assign(
        n_layers=n_layers,
        probability=pooled["summed"] / number,
        expected_share=pooled["expected"] / number,
        observed_share=pooled["n_hidden"] / number,
        observed_low=low,
        observed_high=high,
        farthest_layer=farthest["layer"].to_numpy(),
        farthest_difference=farthest["difference"].to_numpy(),
        farthest_n_candidates=farthest["n_candidates"].to_numpy(),
    )
    return pooled.drop(columns=["expected", "summed"]).reset_index()
