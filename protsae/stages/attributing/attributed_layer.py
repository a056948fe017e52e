"""One output attributed to the features of one layer: rows of nodes, and what checks them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from protsae.interventions.attribution.node_agreement import (
    rank_correlation,
    sampled_nodes,
    shares_by_distance,
    size_correlations,
    top_nodes,
)
from protsae.interventions.attribution.nodes import Nodes, ablation_effects, nodes_of
from protsae.interventions.attribution.output_pass import OutputPass
from protsae.interventions.attribution.path_gradients import Gradients, path_gradients
from protsae.stages.attributing.opened_attribution import AttributedSae

MOST_ABLATED = 20
"""Nodes with the largest attribution, by each method, that are ablated beside the random sample."""

STRONGEST_FEATURES = 10
"""Features with the largest sum, by each method, of each of which there is a row at least."""

METHODS = {"": "attribution", "gradient_": "gradient_attribution"}
"""Integrated gradients, and gradient x activation: prefix of their columns, and column of nodes."""


@dataclass(frozen=True)
class Amounts:
    """How much is done and kept.

    Attributes
    ----------
    n_rows : int
        Nodes with the largest attribution, by each method, that become rows.
    n_sampled : int
        Nodes that are drawn to be ablated.
    seed : int
    """

    n_rows: int = 50
    n_sampled: int = 100
    seed: int = 0


@dataclass(frozen=True)
class AttributedLayer:
    """What is known of the nodes of an output in one layer.

    Attributes
    ----------
    nodes : DataFrame
        One row for each node, all of them: rank, gradient_rank, feature (NaN for errors), residue
        (in the pass, from 0), activation, length, attribution, gradient_attribution,
        feature_attribution, feature_gradient_attribution, ablation, sampled.
    gradients : Gradients
    """

    nodes: pd.DataFrame
    gradients: Gradients


def attribute_layer(
    one: OutputPass, sae: AttributedSae, amounts: Amounts, tokens_per_batch: int
) -> AttributedLayer:
    """Attribute an output to features and errors, and ablate some of them.

    The top nodes by either method are ablated, errors among them, and a random sample of the
    features that the output depends on: after the last layer, those of its own residue.
    """
    nodes = nodes_of(one, sae.encode, sae.decoder_FD, sae.b_dec_D.numpy())
    gradients = path_gradients(one, sae.b_dec_D, tokens_per_batch)
    table = node_table(nodes, gradients)
    counts = (gradients.along_RD != 0).any(1) | (gradients.at_end_RD != 0).any(1)
    candidates = np.flatnonzero(counts[nodes.residue])
    is_sampled = np.zeros(len(table), dtype=bool)
    drawn = sampled_nodes(len(candidates), amounts.n_sampled, amounts.seed)
    is_sampled[candidates[drawn]] = True
    chosen = np.flatnonzero(is_sampled | is_top(table, MOST_ABLATED))
    ablation = np.full(len(table), np.nan)
    residue = table["residue"].to_numpy()[chosen]
    ablation[chosen] = ablation_effects(one, residue, _parts(nodes, chosen), tokens_per_batch)
    return AttributedLayer(table.assign(ablation=ablation, sampled=is_sampled), gradients)


def node_table(nodes: Nodes, gradients: Gradients) -> pd.DataFrame:
    """Features, then errors, with their attributions."""
    n_residues = len(nodes.error_RD)
    along, at_end = (
        np.concatenate(nodes.attributed(gradient))
        for gradient in (gradients.along_RD, gradients.at_end_RD)
    )
    nothing = np.full(n_residues, np.nan)
    columns: dict[str, np.ndarray] = {
        "feature": np.concatenate([nodes.feature.astype(np.float64), nothing]),
        "residue": np.concatenate([nodes.residue, np.arange(n_residues)]),
        "activation": np.concatenate([nodes.activation, nothing]),
        "length": np.concatenate([nodes.length, np.linalg.norm(nodes.error_RD, axis=1)]),
    }
    for prefix, values in zip(METHODS, (along, at_end), strict=True):
        sums = np.bincount(nodes.feature, values[: len(nodes.feature)], len(nodes.decoder_FD))
        rank = np.empty(len(values), np.int64)
        rank[top_nodes(values, len(values))] = np.arange(1, len(values) + 1)
        columns[f"{prefix}rank"] = rank
        columns[METHODS[prefix]] = values
        columns[f"feature_{METHODS[prefix]}"] = np.concatenate([sums[nodes.feature], nothing])
    return pd.DataFrame(columns)


def is_top(table: pd.DataFrame, n: int) -> np.ndarray:
    """The nodes with the largest attribution by either method: bool.

    Examples
    --------
    >>> is_top(pd.DataFrame({"rank": [1, 2, 3], "gradient_rank": [3, 2, 1]}), 1).tolist()
    [True, False, True]
    """
    return (table[[f"{prefix}rank" for prefix in METHODS]] <= n).any(axis=1).to_numpy()


def _parts(nodes: Nodes, chosen: np.ndarray) -> np.ndarray:
    """What taking each node away takes off its residue's activations: (n_chosen, d_model)."""
    n_features = len(nodes.feature)
    of_features = chosen[chosen < n_features]
    parts = nodes.activation[of_features, None] * nodes.decoder_FD[nodes.feature[of_features]]
    return np.concatenate([parts, nodes.error_RD[chosen[chosen >= n_features] - n_features]])


def kept_rows(table: pd.DataFrame, n_rows: int) -> np.ndarray:
    """Nodes that become rows, bool: the top ones, those sampled, one of each strongest feature.

    Examples
    --------
    >>> table = pd.DataFrame({"rank": [1, 2, 3, 4], "sampled": [False, False, True, False]})
    >>> table = table.assign(gradient_rank=table["rank"], feature=[7.0, 7, 7, 9])
    >>> sums = [5.0, 5, 5, 0.1]
    >>> table = table.assign(feature_attribution=sums, feature_gradient_attribution=sums)
    >>> kept_rows(table, 1).tolist()
    [True, False, True, True]
    """
    kept = is_top(table, n_rows) | table["sampled"].to_numpy()
    for prefix, column in METHODS.items():
        ranked = table.dropna(subset="feature").sort_values(f"{prefix}rank")
        of_feature = ranked.drop_duplicates("feature")[f"feature_{column}"].abs()
        strongest = of_feature.sort_values(ascending=False, kind="stable")
        kept |= table.index.isin(strongest.index[:STRONGEST_FEATURES])
    return kept


def layer_checks(found: AttributedLayer, site: int, kept: np.ndarray) -> dict[str, Any]:
    """The columns of `attribution_checks` from value to nearness_spearman.

    Parameters
    ----------
    site : int
        Residue of the output, in the pass.
    kept : ndarray of bool
        `kept_rows`.
    """
    table, gradients = found.nodes, found.gradients
    is_error = table["feature"].isna().to_numpy()
    attribution = table["attribution"].to_numpy()
    size = np.abs(attribution)
    features = table[~is_error]
    distance = features["residue"].to_numpy() - site
    shares = shares_by_distance(attribution[~is_error], distance, attribution[is_error])
    checks: dict[str, Any] = {
        "value": gradients.value,
        "baseline_value": gradients.baseline_value,
        "feature_sum": attribution[~is_error].sum(),
        "error_sum": attribution[is_error].sum(),
        "completeness_error": gradients.error,
        "is_complete": gradients.is_complete,
        "n_steps": gradients.n_steps,
        "gradient_sum": table["gradient_attribution"].sum(),
        "n_nodes": len(table),
        "n_rows": int(kept.sum()),
        "share_kept": size[kept].sum() / size.sum() if size.any() else 1.0,
        **dict(zip(_SHARES, shares, strict=True)),
    }
    sample = table[table["sampled"]]
    effect, residue = sample["ablation"].to_numpy(), sample["residue"].to_numpy()
    checks["n_sampled"] = len(sample)
    for prefix, column in METHODS.items():
        one, name = (
            rank_correlation(sample[column].to_numpy(), effect, residue),
            f"{prefix}spearman",
        )
        checks |= {name: one.r, f"{name}_low": one.low, f"{name}_high": one.high}
    top = table[is_top(table, MOST_ABLATED)]
    checks["n_top"] = len(top)
    of_top = top["ablation"].to_numpy(), top["residue"].to_numpy()
    for prefix, column in METHODS.items():
        checks[f"top_{prefix}spearman"] = rank_correlation(top[column].to_numpy(), *of_top).r
    sizes = {
        "size": sample["attribution"].abs(),
        "gradient_size": sample["gradient_attribution"].abs(),
        "activation": sample["activation"],
        "length": sample["length"],
        "nearness": -np.abs(residue - site),
    }
    arrays = {name: np.asarray(values, np.float64) for name, values in sizes.items()}
    found_sizes = size_correlations(effect, arrays, residue)
    return checks | {f"{name}_spearman": r for name, r in found_sizes.items()}


_SHARES = ("share_at_site", "share_near", "share_elsewhere", "share_error")
