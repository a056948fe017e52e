"""The linear probe of a concept on a layer, fitted anew as the run's probe stage fits it.

A run keeps the scores of its probes and no weights. The probe is fitted to the same train residues
with the penalty that the run chose on valid; alone, where the run fits all concepts together, so
that the search for its weights stops elsewhere.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from protsae.concepts.concept import some_types
from protsae.concepts.concept_table import ConceptTable
from protsae.config.settings import Config
from protsae.errors import UserError
from protsae.interventions.attribution.output_pass import Reading
from protsae.io.hdf5.activation_cache import LayerCache
from protsae.io.progress import progress
from protsae.io.table_files.parquet import read_table
from protsae.one_line import cut, note
from protsae.references.linear_probe import fit_probes
from protsae.references.residue_data import Residues
from protsae.run.layout import model_name, shard_names
from protsae.run.run_places import place
from protsae.schema.reference_tables import PROBES
from protsae.stages.attributing.opened_attribution import ConceptProbe
from protsae.stages.inputs.studied_proteins import Study


def fit_concept_probe(
    results: Path,
    config: Config,
    study: Study,
    concepts: ConceptTable,
    layer: int,
    concept: str,
) -> ConceptProbe:
    """Fit the probe of one concept on a layer of the run's model.

    Parameters
    ----------
    results : Path
        Folder of the run.
    config : Config
        Its settings.
    study, concepts
        Its proteins, and their labels.

    Raises
    ------
    UserError
        If the run has no probe of the concept on this layer, or its files do not belong together.
    """
    model = model_name(config)
    path = results / "probes" / place(model, layer) / "probes.parquet"
    rows = read_table(path, PROBES)
    names = [known.name for known in concepts.concepts]
    row = rows[rows["concept"] == concept]
    if row.empty or concept not in names:
        some = some_types(rows["concept"])
        raise UserError(
            f"--of {cut(concept, 60)}: no such concept among the {len(rows)} with a probe in "
            f"{path}; expected one such as {some}"
        )
    shards = [f"shard-{shard}.h5" for shard in shard_names(config)]
    paths = [results / "activations" / model / shard for shard in shards]
    cache = LayerCache(paths, layer, study.protein_set)

    def read(accessions: set[str], max_rows: int) -> Iterator[tuple[list[str], np.ndarray]]:
        with progress(len(accessions), f"{concept}: reading layer {layer}", "proteins") as bar:
            for found, x_ND in cache.protein_blocks(accessions, max_rows):
                yield found, x_ND
                bar.update(len(found))

    residues = Residues(read, study.proteins, concepts, config.probe)
    x_ND, labels, known, _ = residues.train_sample()
    column = [names.index(concept)]
    penalty = float(row["penalty"].iloc[0])
    [probe] = fit_probes(x_ND, labels[:, column], known[:, column], [penalty])
    reading = Reading(layer, probe.weights[:, 0], float(probe.bias[0]))
    return ConceptProbe(concept, layer, reading, float(row["f1"].iloc[0]), x_ND)


def probe_line(probe: ConceptProbe) -> str:
    """What the probe is, for the screen.

    Examples
    --------
    >>> nothing = Reading(6, np.empty(0), 0.0)
    >>> probe_line(ConceptProbe("SIGNAL", 6, nothing, 0.8312, np.empty((4000, 0))))
    'note: the probe of SIGNAL on layer 6 was fitted anew to 4,000 train residues (test F1 0.83 \
in the run)'
    """
    return note(
        f"the probe of {probe.concept} on layer {probe.layer} was fitted anew to "
        f"{len(probe.background_ND):,} train residues (test F1 {probe.f1:.2f} in the run)"
    )
