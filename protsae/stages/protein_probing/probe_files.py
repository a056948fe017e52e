"""The tables of `protsae probe-proteins`, written."""

from pathlib import Path

from protsae import __version__
from protsae.io.saes.sae_identity import sae_sha256
from protsae.io.table_files.growing_tables import growing_table
from protsae.run.run_places import place
from protsae.schema.protein_probe_tables import (
    PROTEIN_PREDICTIONS,
    PROTEIN_PROBE_FEATURES,
    PROTEIN_PROBES,
)
from protsae.schema.table import conform
from protsae.stages.inputs.studied_proteins import read_study
from protsae.stages.protein_probing.probed_labels import ProbedLabels


def write_probes(
    folder: Path, done: ProbedLabels, results: Path, model: str, layer: int, variant: str, seed: int
) -> None:
    """Write the three tables, each as Parquet and as text."""
    about = {
        "stage": "probe-proteins",
        "model": model,
        "layer": layer,
        "saes": {variant: sae_sha256(results / "sae" / place(model, layer) / variant)},
        **read_study(results / "proteins" / "proteins.parquet").stamp(),
        "penalties": {name: _penalties(done, name) for name in done.probes},
        "n_with_homologue": {name: own.n_with_homologue for name, own in done.probes.items()},
        "left_out": {name: own.left_out for name, own in done.probes.items()},
        "seed": seed,
        "code_version": __version__,
    }
    tables = (
        (PROTEIN_PROBES, done.scores),
        (PROTEIN_PROBE_FEATURES, done.ranked),
        (PROTEIN_PREDICTIONS, done.held_out),
    )
    rows = [(table, conform(frame, table, table.name)) for table, frame in tables]
    for table, frame in rows:
        with growing_table(folder, table, about) as writer:
            writer.append(frame)


def _penalties(done: ProbedLabels, name: str) -> dict[str, list[str]]:
    """Chosen for each fold, by inputs; and that of the probe behind the ranked features."""
    own = done.probes[name]
    chosen = {inputs: [*map(str, held.penalties)] for inputs, held in own.held_out.items()}
    return {inputs: texts for inputs, texts in chosen.items() if texts} | {
        "ranked": [str(own.penalty)]
    }
