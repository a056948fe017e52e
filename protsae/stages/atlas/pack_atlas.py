"""Pack what explaining needs of a run: SAEs, features, calibration, and which model it is."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import pandas as pd

from protsae import __version__
from protsae.io.atlas_files.archive import write_archive
from protsae.io.atomic import scratch_folder
from protsae.io.saes.evaluations import read_evaluation
from protsae.io.saes.sae_identity import CONFIG, IDENTITY, WEIGHTS
from protsae.io.table_files.parquet import write_table
from protsae.one_line import note
from protsae.sae.autoencoder import Sae
from protsae.schema.features.best_features_table import BEST_FEATURES
from protsae.schema.features.feature_tables import FEATURES
from protsae.stages.atlas.fvu_check import fvu_of
from protsae.stages.atlas.run_card import NO_LICENCE, DescribedRun, card_of
from protsae.stages.explaining.explainer import Explainer

N_TEST_PROTEINS, SHORTEST, LONGEST = 4, 60, 250
"""Proteins of the test set that an atlas carries to test itself, and their lengths."""


class FinishedRun(DescribedRun, Protocol):
    """What packing needs of a `Run`."""

    @property
    def model(self) -> str:
        """Name of its model."""

    @property
    def best_features(self) -> pd.DataFrame:
        """The table of this name."""

    def sae(self, layer: int, variant: str) -> Sae:
        """One of its SAEs."""

    def explainer(
        self,
        model: str | None,
        layers: Sequence[int] | None,
        saes: Sequence[str] | None,
    ) -> Explainer:
        """Model and SAEs, opened for proteins."""


def pack_atlas(
    run: FinishedRun,
    target: Path,
    model: str | None = None,
    layers: Sequence[int] | None = None,
    saes: Sequence[str] | None = None,
    licence: str = NO_LICENCE,
) -> dict[str, Any]:
    """Write an atlas; what its ``atlas.json`` says of the run.

    Parameters
    ----------
    target : Path
        A .zip, or a new folder.
    model, layers, saes : optional
        As of `explainer` of the run.
    licence : str
        Under which the SAEs may be used.

    Raises
    ------
    UserError
        As `Run.explainer` does, and if the target is a folder that is there.
    """
    explainer = run.explainer(model, layers, saes)
    keys = list(explainer.saes)
    opened = {key: run.sae(*key) for key in keys}
    proteins = self_test_proteins(run.proteins)
    fvu = fvu_of(explainer, opened, proteins["sequence"].tolist())
    document = {
        "protsae_version": __version__,
        "card": card_of(run, licence),
        "model": {
            "name": run.model,
            "weights_sha256": explainer.made_from["weights_sha256"],
            "path": run.config.embed.model,
            "d_model": explainer.embedder.esm2.d_model,
        },
        "embed": explainer.stated_settings,
        "dtypes": {str(n): str(d).split(".")[-1] for n, d in explainer.embedder.dtypes.items()},
        "protein_set_sha256": explainer.made_from["protein_set_sha256"],
        "saes": [
            {
                "layer": layer,
                "variant": variant,
                "sha256": explainer.made_from["saes"][f"{layer}/{variant}"],
                "test_fvu": _test_fvu(run, layer, variant),
                "fvu": fvu[layer, variant],
            }
            for layer, variant in keys
        ],
        "test_proteins": proteins.to_dict("records"),
    }
    with scratch_folder() as folder:
        _copy_members(run, explainer, folder)
        write_archive(target, folder, document)
    return document


def self_test_proteins(proteins: pd.DataFrame) -> pd.DataFrame:
    """Short proteins of the test set, with accession and sequence; any, if there are none so short.

    Examples
    --------
    >>> rows = [("P1", "test", "MKV"), ("P2", "test", "M" * 70), ("P3", "train", "M" * 70)]
    >>> columns = ["accession", "split", "sequence"]
    >>> self_test_proteins(pd.DataFrame(rows, columns=columns))["accession"].tolist()
    ['P2']
    """
    length = proteins["sequence"].str.len()
    test = proteins[proteins["split"] == "test"].assign(length=length)
    short = test[test["length"].between(SHORTEST, LONGEST)]
    chosen = (short if len(short) else test).sort_values(["length", "accession"])
    return chosen.head(N_TEST_PROTEINS)[["accession", "sequence"]]


def _test_fvu(run: FinishedRun, layer: int, variant: str) -> float:
    folder = run.results / "sae" / run.model / f"layer-{layer:02d}" / variant
    return float(read_evaluation(folder / "evaluation.json")["fvu"])


def _copy_members(run: FinishedRun, explainer: Explainer, folder: Path) -> None:
    """SAEs and calibration as the run has them, under the same names; and rows of features."""
    for layer, variant in explainer.saes:
        place = Path(run.model) / f"layer-{layer:02d}"
        for name in (WEIGHTS, CONFIG, IDENTITY):
            _copy(run.results, folder, Path("sae") / place / variant / name)
        _copy(run.results, folder, Path("annotation") / place / "calibration.parquet")
    rows = [sae.features for sae in explainer.saes.values()]
    proteins = {"protein_set_sha256": explainer.made_from["protein_set_sha256"]}
    together = pd.concat(rows).sort_values(list(FEATURES.key), kind="stable")
    write_table(folder / "features.parquet", together, FEATURES, proteins)
    of_sae = ["model", "layer", "variant"]
    best = run.best_features.merge(together[of_sae].drop_duplicates(), on=of_sae)
    write_table(folder / "best_features.parquet", best, BEST_FEATURES, proteins)


def _copy(source: Path, folder: Path, name: Path) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source / name, folder / name)


def packed_lines(target: Path, document: dict[str, Any]) -> list[str]:
    """What was packed, and how large it is."""
    files = [target] if target.is_file() else [p for p in target.rglob("*") if p.is_file()]
    megabytes = sum(path.stat().st_size for path in files) / 1e6
    model, saes = document["model"], document["saes"]
    layers = sorted({sae["layer"] for sae in saes})
    lines = [
        f"wrote {target}: {megabytes:.1f} MB, {len(saes)} SAEs on layers "
        f"{', '.join(map(str, layers))} of {model['name']}",
        f"its model is not in it: weights_sha256 {model['weights_sha256'][:12]}",
    ]
    if document["card"]["licence"] == NO_LICENCE:
        lines.append(note("the atlas states no licence; give one with --licence"))
    return lines
