"""The table of k-sparse probes, and the lines that say what is in it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from protsae.association.frozen_saes import is_frozen
from protsae.association.verdicts import ABOVE, BELOW
from protsae.config.reserved_names import COORDINATES, MLP, PCA, SEQUENCE
from protsae.io.table_files.parquet import write_table
from protsae.run.run_places import place
from protsae.schema.sparse_probe_table import SPARSE_PROBES
from protsae.schema.table import conform

SIMPLER = {
    COORDINATES: "coordinates",
    PCA: "principal components",
    MLP: "neurons",
    SEQUENCE: "sequence",
}
"""Sets that are no SAE, in words."""


def write_sparse_probes(
    folder: str | Path, rows: pd.DataFrame, stamps: Sequence[Mapping[str, Any]]
) -> None:
    """Write sparse_probes.parquet, bound to what each of its layers was read from."""
    path = Path(folder) / f"{SPARSE_PROBES.name}.parquet"
    saes = {
        f"{place(stamp['model'], stamp['layer'])}/{name}": digest
        for stamp in stamps
        for name, digest in stamp["saes"].items()
    }
    metadata = {**stamps[0], "stage": "sparse_probe", "saes": saes}
    del metadata["layer"]
    write_table(path, conform(rows, SPARSE_PROBES, str(path)), SPARSE_PROBES, metadata)


def sparse_probe_lines(rows: pd.DataFrame) -> list[str]:
    """How well k features do beside as few of anything simpler, for each layer and SAE."""
    lines = []
    ours = rows[~rows["variant"].isin(SIMPLER) & ~is_frozen(rows)]
    for layer, of_layer in rows.groupby("layer", sort=False):
        told = of_layer[of_layer["is_fewest"].notna()]
        n_told, n_concepts = told["concept"].nunique(), of_layer["concept"].nunique()
        most, sizes = of_layer["k"].max(), sorted(of_layer["k"].unique())
        lines.append(
            f"layer {layer}: a linear probe detects {n_told} of {n_concepts} concepts (F1 surely "
            f"above that of calling every residue); at most {most} detectors come close to it (on "
            "valid) for this many of them: "
            + _by_set(told[told["is_fewest"] == 1].groupby("variant").size(), of_layer)
        )
        k = sizes[len(sizes) // 2]
        of_k = of_layer[(of_layer["k"] == k) & of_layer["f1_low"].notna()]
        lines.append(
            f"layer {layer}: median test F1 with {k} detectors, over {of_k['concept'].nunique()} "
            "concepts in at least 10 homology clusters: "
            + _by_set(of_k.groupby("variant")["f1"].median().map("{:.2f}".format), of_layer)
        )
        for variant, own in ours[(ours["layer"] == layer) & (ours["k"] == k)].groupby("variant"):
            above, below = ((own["verdict"] == verdict).sum() for verdict in (ABOVE, BELOW))
            lines.append(
                f"layer {layer}, {variant}, {k} features: of {own['verdict'].notna().sum()} "
                f"concepts compared, F1 is above every simpler set for {above} and below the best "
                f"of them for {below}"
            )
        if not is_frozen(of_layer).any():
            lines.append(f"layer {layer}: no frozen SAE, so nothing of equal width to compare with")
    return lines


def _by_set(values: pd.Series, rows: pd.DataFrame) -> str:
    """A value of each set, in the order of the table."""
    sets = dict.fromkeys(rows["variant"])
    return ", ".join(f"{SIMPLER.get(name, name)} {values.get(name, 0)}" for name in sets)
