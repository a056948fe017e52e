"""The table of k-sparse probes, and the lines that say what is in it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from protsae.association.frozen_saes import is_frozen
from protsae.association.verdicts import ABOVE, BELOW
from protsae.config.reserved_names import COORDINATES, MLP, PCA
from protsae.io.table_files.parquet import write_table
from protsae.run.run_places import place
from protsae.schema.sparse_probe_table import SPARSE_PROBES
from protsae.schema.table import conform

SIMPLER = {COORDINATES: "coordinates", PCA: "principal components", MLP: "neurons"}


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
    """How well k features do beside k of anything simpler, for each layer and SAE."""
    lines = []
    ours = rows[~rows["variant"].isin(SIMPLER) & ~is_frozen(rows)]
    for (layer, variant), own in ours.groupby(["layer", "variant"], sort=False):
        of_layer = rows[rows["layer"] == layer]
        sizes = sorted(own["k"].unique())
        told = own[own["is_fewest"] == 1]
        words = ", ".join(f"{n} with {k}" for k, n in told["k"].value_counts().sort_index().items())
        n_concepts = own["concept"].nunique()
        lines.append(
            f"layer {layer}, {variant}: {len(told)} of {n_concepts} concepts told as well as by a "
            f"linear probe of the layer with {sizes[-1]} features or fewer"
            + (f" ({words})" if words else "")
        )
        middle = sizes[len(sizes) // 2]
        f1 = of_layer[of_layer["k"] == middle].groupby("variant", sort=False)["f1"].median()
        others = ", ".join(
            f"{SIMPLER.get(str(name), str(name))} {value:.2f}"
            for name, value in f1.items()
            if name in SIMPLER or name in set(of_layer.loc[is_frozen(of_layer), "variant"])
        )
        verdicts = own.loc[own["k"] == middle, "verdict"]
        lines.append(
            f"layer {layer}, {variant}: with {middle} features the median F1 is {f1[variant]:.2f} "
            f"({others}); above all of these for {(verdicts == ABOVE).sum()} of "
            f"{verdicts.notna().sum()} concepts in enough homology clusters, below the best of "
            f"them for {(verdicts == BELOW).sum()}"
        )
    return lines
