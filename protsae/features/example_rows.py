"""The rows of the examples table: activations around chosen residues, and annotations there."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy import sparse

from protsae.association.pairs.layer_data import Layer
from protsae.detectors.activations import Codes
from protsae.features.leading_sites import Sites
from protsae.statistics import ragged


def example_rows(layer: Layer, codes: Codes, examples: Mapping[str, Sites]) -> pd.DataFrame:
    """Activations around the chosen residues, by feature, selection and rank.

    Parameters
    ----------
    examples : mapping of str to Sites
        By selection, in the order of the table; groups are features.

    Returns
    -------
    DataFrame
        Columns of the examples table but for model, layer and variant.
    """
    sites = Sites.joined(list(examples.values()))
    sizes = [len(chosen) for chosen in examples.values()]
    own = layer.proteins.iloc[sites.protein]
    begin = np.maximum(sites.residue - layer.settings.example_flank, 0)
    end = np.minimum(sites.residue + layer.settings.example_flank + 1, own["length"].to_numpy())
    rank = np.concatenate([_ranks(chosen.group) for chosen in examples.values()])
    around = _activations(layer, codes, sites, begin, end)
    start, last = ragged.inclusive(begin, end)
    table = pd.DataFrame(
        {
            "feature": sites.group,
            "selection": np.repeat(list(examples), sizes),
            "rank": rank,
            "accession": own["accession"].to_numpy(),
            "cluster": own["cluster"].to_numpy(),
            "split": own["split"].to_numpy(),
            "peak": sites.residue + 1,
            "start": start,
            "end": last,
            "activation": [of[i] for of, i in zip(around, sites.residue - begin, strict=True)],
            "annotations": _annotations(layer, sites, begin, end),
            "activations": around,
        }
    )
    order = np.lexsort((rank, ragged.groups(np.array(sizes)), sites.group))
    return table.iloc[order].reset_index(drop=True)


def strongest_proteins(strongest: Sites, proteins: pd.DataFrame, n_features: int) -> list[str]:
    """Accessions of each feature's strongest sites, strongest first, separated by commas."""
    accessions = pd.Series(proteins["accession"].to_numpy()[strongest.protein], dtype=object)
    names = accessions.groupby(strongest.group).agg(",".join)
    found: list[str] = names.reindex(range(n_features), fill_value="").tolist()
    return found


def _ranks(groups: np.ndarray) -> np.ndarray:
    """1, 2, ... within each group; groups stand together."""
    ranks: np.ndarray = pd.Series(groups).groupby(groups).cumcount().to_numpy() + 1
    return ranks


def _activations(
    layer: Layer, codes: Codes, sites: Sites, begin: np.ndarray, end: np.ndarray
) -> list[np.ndarray]:
    """Activations of each site's feature at residues [begin, end) of its protein."""
    found: list[np.ndarray] = [np.empty(0, np.float32)] * len(sites)
    names = layer.proteins["accession"].to_numpy()
    wanted = pd.Series(range(len(sites))).groupby(names[sites.protein]).agg(list)
    for proteins, rows in layer.blocks(codes, set(wanted.index)):
        first = ragged.starts(proteins["length"].to_numpy())
        for accession, row in zip(proteins["accession"], first, strict=True):
            for i in wanted[accession]:
                found[i] = _column(rows, int(sites.group[i]), row + begin[i], row + end[i])
    return found


def _column(rows: sparse.csr_array, feature: int, begin: int, end: int) -> np.ndarray:
    """One column of rows [begin, end), dense, without a search through the columns of all rows."""
    ends = rows.indptr[begin : end + 1]
    at = ends[0] + np.flatnonzero(rows.indices[ends[0] : ends[-1]] == feature)
    values = np.zeros(end - begin, np.float32)
    values[np.searchsorted(ends, at, side="right") - 1] = rows.data[at]
    return values


def _annotations(
    layer: Layer, sites: Sites, begin: np.ndarray, end: np.ndarray
) -> list[str | None]:
    """Annotated instances that overlap [begin, end), such as "SIGNAL 1-22; DISULFID 30-45"."""
    proteins, own = np.unique(sites.protein, return_inverse=True)
    spans = layer.concepts.instances(layer.proteins["accession"].iloc[proteins].tolist())
    names = [concept.name for concept in layer.concepts.concepts]
    texts: list[str | None] = []
    for protein, low, high in zip(own, begin, end, strict=True):
        first, last = np.searchsorted(spans.protein, [protein, protein + 1])
        here = spans.take(np.arange(first, last))
        here = here.take((here.begin < high) & (here.end > low))
        starts, ends = ragged.inclusive(here.begin, here.end)
        found = set(
            zip(starts.tolist(), ends.tolist(), (names[i] for i in here.column), strict=True)
        )
        texts.append("; ".join(f"{name} {s}-{e}" for s, e, name in _named(found)) or None)
    return texts


def _named(found: set[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    """Intervals in order, without a type where the same residues have a name of that type.

    Examples
    --------
    >>> _named({(1, 7, "TOPO_DOM"), (1, 7, "TOPO_DOM: Cytoplasmic"), (1, 3, "TOPO_DOM")})
    [(1, 3, 'TOPO_DOM'), (1, 7, 'TOPO_DOM: Cytoplasmic')]
    """
    repeated = {(start, end, name.split(": ")[0]) for start, end, name in found if ": " in name}
    return sorted(found - repeated)
