"""Probes of labels of a run's proteins, as tables."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from protsae.errors import UserError
from protsae.io.progress import progress
from protsae.one_line import cut
from protsae.protein_probes.compared_probes import ProteinProbes, probe_proteins
from protsae.protein_probes.target import GivenLabels, Target
from protsae.stages.protein_probing.pooled_inputs import PooledInputs

SHOWN = ("concept", "label")
"""Columns of the features table that stand beside a ranked feature."""


@dataclass(frozen=True, eq=False)
class ProbedLabels:
    """Probes of several labels.

    Attributes
    ----------
    probes : dict of str to ProteinProbes
        By label.
    notes : list of str
        What was left out.
    scores, ranked, held_out : DataFrame
        The tables ``protein_probes``, ``protein_probe_features`` and ``protein_predictions``
        (docs/tables.md).
    """

    probes: dict[str, ProteinProbes]
    notes: list[str]
    scores: pd.DataFrame
    ranked: pd.DataFrame
    held_out: pd.DataFrame


def probe_labels(
    given: GivenLabels,
    inputs: PooledInputs,
    proteins: pd.DataFrame,
    homologues: np.ndarray | None,
    features: pd.DataFrame,
    **settings: Any,
) -> ProbedLabels:
    """`protsae.probe_proteins` for each label, the SAE's features before all else.

    A label that too few homology clusters have is left out, unless all are.

    Parameters
    ----------
    proteins : DataFrame
        The table ``proteins``.
    homologues : ndarray of int, shape (n_pairs, 2), optional
        As `find_homologues` gives them.
    features : DataFrame
        Rows of the table ``features`` for this SAE.
    settings
        As of `protsae.probe_proteins`.

    Raises
    ------
    UserError
        If no label is left.
    """
    probes: dict[str, ProteinProbes] = {}
    notes, problem = list(given.notes), UserError("no labels")
    clusters = proteins["cluster"].tolist()
    n_steps = len(given.targets) * len(inputs.x) * settings.get("n_folds", 5)
    with progress(n_steps, "probing", "folds") as bar:
        for target in given.targets:
            try:
                probes[target.name] = probe_proteins(
                    inputs.x, target, clusters, homologues, advance=bar.update, **settings
                )
            except UserError as error:
                problem = error
                notes.append(str(error))
                bar.update(len(inputs.x) * settings.get("n_folds", 5))
    if not probes:
        raise problem
    own = features.set_index("feature")[list(SHOWN)]
    tables = (
        pd.concat(rows, ignore_index=True)
        for rows in (
            [_scores(name, found) for name, found in probes.items()],
            [_ranked(name, found, inputs.columns, own) for name, found in probes.items()],
            [
                rows
                for name, found in probes.items()
                for rows in _held_out(name, found, proteins["accession"].to_numpy())
            ],
        )
    )
    return ProbedLabels(probes, notes, *tables)


def _scores(name: str, found: ProteinProbes) -> pd.DataFrame:
    target = found.target
    counts = {
        "n_proteins": len(found.rows),
        "n_clusters": len(np.unique(found.cluster)),
        "n_unknown": int((~target.known).sum()),
        "n_lone": len(found.rows) - found.n_with_homologue,
    }
    first = {"label": name, "kind": target.kind}
    rows = found.scores.assign(**first, **counts)
    return rows[[*first, *found.scores.columns, *counts]]


def _ranked(
    name: str, found: ProteinProbes, columns: pd.DataFrame, features: pd.DataFrame
) -> pd.DataFrame:
    own = columns.iloc[found.ranked["column"]].reset_index(drop=True)
    seen = features.reindex(own["feature"]).reset_index(drop=True)
    seen = seen.rename(columns={"label": "feature_label"})
    rows = pd.concat([found.ranked.drop(columns="column"), own, seen], axis=1)
    rows["class_name"] = rows["class_name"].replace("", None)
    return rows.assign(label=name)


def _held_out(name: str, found: ProteinProbes, accessions: np.ndarray) -> Iterator[pd.DataFrame]:
    """A row for each protein and class that is told."""
    target: Target = found.target.only(found.rows)
    first = {
        "label": name,
        "accession": accessions[found.rows],
        "fold": found.fold + 1,
    }
    for number, (place, class_name) in enumerate(target.told or [(-1, "")]):
        values = target.values if place < 0 else target.values == place
        scores = {inputs: own.scores[:, number] for inputs, own in found.held_out.items()}
        yield pd.DataFrame(
            {
                **first,
                "class_name": class_name or None,
                "value": np.asarray(values, float),
                **scores,
            }
        )


def sae_features(features: pd.DataFrame, model: str, layer: int, variant: str) -> pd.DataFrame:
    """Rows of one SAE in the table ``features``.

    Raises
    ------
    UserError
        If there are none.
    """
    columns = {"model": model, "layer": layer, "variant": variant}
    own = features[np.all([features[name] == value for name, value in columns.items()], axis=0)]
    if own.empty:
        raise UserError(f"no features of {cut(f'{model}, layer {layer}, {variant}', 80)}")
    return own
