"""protsae: what protein language models have learned, read off sparse autoencoders.

Importing the package is light (no torch, no h5py): each public name loads its module when it is
first used. docs/architecture.md is a map of the parts.
"""

import importlib
from typing import Any

__version__ = "0.2.0"

_PUBLIC = {
    "Atlas": "protsae.stages.atlas.open_atlas",
    "Config": "protsae.config.settings",
    "ConfounderRemoval": "protsae.interventions.confounders.remove_confounder",
    "LayerCache": "protsae.io.hdf5.activation_cache",
    "Run": "protsae.stages.run_object.open_run",
    "ProteinProbes": "protsae.protein_probes.compared_probes",
    "RunFeature": "protsae.inspection.run_feature",
    "RunProtein": "protsae.inspection.run_protein",
    "Sae": "protsae.sae.autoencoder",
    "TrainedSae": "protsae.stages.train_saes",
    "TrainingData": "protsae.stages.inputs.training_data",
    "UserError": "protsae.errors",
    "annotate_layer": "protsae.stages.annotate_layer",
    "evaluate_saes": "protsae.stages.evaluate_saes",
    "fit_probes": "protsae.references.linear_probe",
    "layer_baselines": "protsae.stages.annotate_layer",
    "load_esm": "protsae.plm.esm2.load",
    "open_saes": "protsae.stages.inputs.open_saes",
    "probe_proteins": "protsae.protein_probes.compared_probes",
    "read_atlas": "protsae.stages.atlas.open_atlas",
    "read_config": "protsae.config.settings",
    "read_run": "protsae.stages.run_object.open_run",
    "read_table": "protsae.io.table_files.parquet",
    "remove_confounder": "protsae.interventions.confounders.remove_confounder",
    "score_detectors": "protsae.stages.scoring_detectors.score_detectors",
    "train_saes": "protsae.stages.train_saes",
}
"""Names that the package offers, and the modules that hold them."""

__all__ = ["__version__", *_PUBLIC]


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(importlib.import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_PUBLIC})
