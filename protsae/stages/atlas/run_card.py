"""What those should know who get SAEs of a run: their data, their training and their licence."""

from pathlib import Path
from typing import Any, Protocol

import pandas as pd

from protsae.config.settings import Config
from protsae.io.json_files import read_document

NO_LICENCE = "not stated"


class DescribedRun(Protocol):
    """What a card needs of a `Run`."""

    @property
    def results(self) -> Path:
        """Its folder."""

    @property
    def config(self) -> Config:
        """Its settings."""

    @property
    def proteins(self) -> pd.DataFrame:
        """Table of its proteins."""


def card_of(run: DescribedRun, licence: str) -> dict[str, Any]:
    """What the SAEs were trained on, for those who get the atlas."""
    provenance = read_document(run.results / "proteins" / "provenance.json")
    split = run.proteins.groupby("split", sort=True)
    return {
        "licence": licence,
        "source": provenance["source"],
        "n_proteins": split.size().to_dict(),
        "n_residues": split["length"].sum().to_dict(),
        "n_clusters": split["cluster"].nunique().to_dict(),
        "further_proteins": [str(path) for path in run.config.further_proteins],
        "saes": {
            name: {"architecture": sae.architecture, "steps": sae.steps}
            for name, sae in run.config.train.items()
        },
        "base_rates": str(run.config.annotate.reference_rates),
    }
