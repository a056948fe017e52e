"""An atlas as one object: its features, its SAEs, and what they say of any protein."""

import shutil
import tempfile
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from protsae.config.released_models import RELEASED
from protsae.config.stage_settings import EmbedSettings
from protsae.detectors.encoding import encoder
from protsae.errors import UserError
from protsae.inspection.sae_features import feature_rows_of
from protsae.io.atlas_files.archive import read_archive
from protsae.io.saes.sae_files import read_sae
from protsae.io.saes.sae_identity import sae_sha256
from protsae.io.table_files.parquet import read_table
from protsae.plm.esm2.load import LoadedEsm, load_esm
from protsae.sae.architectures import restore_sae
from protsae.sae.autoencoder import Sae
from protsae.schema.features.best_features_table import BEST_FEATURES
from protsae.schema.features.feature_tables import FEATURES
from protsae.stages.atlas.fvu_check import fvu_of, validate_fvu
from protsae.stages.explaining.explain_sequences import ExplainedTable, explain_sequences
from protsae.stages.explaining.explainer import Explainer
from protsae.stages.explaining.open_explainer import open_embedder, read_calibration
from protsae.stages.explaining.opened_sae import OpenedSae
from protsae.stages.inputs.models_of_activations import model_path


@dataclass(frozen=True)
class Atlas:
    """What `protsae pack` made of a run, checked; no run is needed.

    Attributes
    ----------
    path : Path
        The .zip or folder.
    document : dict
        What its ``atlas.json`` says.
    """

    path: Path
    document: dict[str, Any]
    _root: Path

    @property
    def card(self) -> dict[str, Any]:
        """What the SAEs were trained on, and the licence."""
        found: dict[str, Any] = self.document["card"]
        return found

    @property
    def saes(self) -> list[tuple[int, str]]:
        """Layer and variant of every SAE."""
        return [(sae["layer"], sae["variant"]) for sae in self.document["saes"]]

    @cached_property
    def features(self) -> pd.DataFrame:
        """What each feature detects: one row per feature (table ``features``)."""
        return read_table(self._root / "features.parquet", FEATURES)

    @cached_property
    def best_features(self) -> pd.DataFrame:
        """The best feature of each concept, where its SAE is here (table ``best_features``)."""
        return read_table(self._root / "best_features.parquet", BEST_FEATURES)

    def sae(self, layer: int, variant: str) -> Sae:
        """An SAE, in evaluation mode, for activations as the run stores them (`Run.sae`).

        Raises
        ------
        UserError
            If the atlas has no such SAE.
        """
        weights, source = read_sae(self._sae_folder(layer, variant))
        return restore_sae(source.architecture, source.k, weights)

    def explain(
        self, sequences: str | Mapping[str, str], table: ExplainedTable = "segments"
    ) -> pd.DataFrame:
        """What is active in proteins, and which concepts are predicted, as `Run.explain` says."""
        return explain_sequences(self._explainer, sequences, table)

    def explainer(
        self,
        model: str | None = None,
        layers: Sequence[int] | None = None,
        saes: Sequence[str] | None = None,
        threads: int = 1,
        rates: Mapping[str, float] | None = None,
    ) -> Explainer:
        """The model and SAEs, opened for proteins; parameters as of `Run.explainer`.

        Raises
        ------
        UserError
            If the atlas has no such layer or SAE, or the model is another: its weights have another
            checksum, and its SAEs another FVU on the proteins that the atlas carries.
        """
        known = self.saes
        keys = [
            (layer, variant)
            for layer in dict.fromkeys(layers or [layer for layer, _ in known])
            for variant in dict.fromkeys(saes or [variant for _, variant in known])
        ]
        opened = {key: self._opened(*key, rates or {}) for key in keys}
        esm = self._load(model)
        wanted = sorted({layer for layer, _ in keys})
        dtypes = {layer: getattr(torch, self.document["dtypes"][str(layer)]) for layer in wanted}
        own, stated = EmbedSettings(), self.document["embed"]
        embedder = open_embedder(esm, stated, own, wanted, dtypes, threads)
        made_from = {
            "model": self.document["model"]["name"],
            "weights_sha256": esm.weights_sha256,
            "protein_set_sha256": self.document["protein_set_sha256"],
            "saes": {f"{n}/{name}": sae_sha256(self._sae_folder(n, name)) for n, name in keys},
            "code_version": self.document["protsae_version"],
        }
        explainer = Explainer(embedder, opened, made_from, stated)
        if esm.weights_sha256 != self.document["model"]["weights_sha256"]:
            self._validate_fvu(explainer, model or esm.name)
        return explainer

    @cached_property
    def _explainer(self) -> Explainer:
        return self.explainer()

    def _sae_folder(self, layer: int, variant: str) -> Path:
        if (layer, variant) not in self.saes:
            known = ", ".join(f"{number}/{name}" for number, name in self.saes)
            raise UserError(f"{self.path}: no SAE {variant!r} on layer {layer}; it has {known}")
        place = Path(self.document["model"]["name"]) / f"layer-{layer:02d}"
        return self._root / "sae" / place / variant

    def _opened(self, layer: int, variant: str, rates: Mapping[str, float]) -> OpenedSae:
        folder, sae = self._sae_folder(layer, variant), self.sae(layer, variant)
        model, n_features = self.document["model"]["name"], len(sae.state_dict()["b_enc"])
        rows = feature_rows_of(self.features, model, layer, variant, n_features, self.path)
        proteins = self.document["protein_set_sha256"]
        claims = read_calibration(self._root, folder.parent, variant, proteins)
        return OpenedSae.of(encoder(sae), rows, self.best_features, claims, rates)

    def _load(self, given: str | None) -> LoadedEsm:
        """The model that is named, or that the atlas names and whose checksum is right."""
        stated = self.document["model"]
        path = given or model_path(stated["path"], self.path)
        is_there = path in RELEASED or Path(path).is_file()
        if not given and not is_there:
            raise UserError(
                f"{self.path}: its model {stated['path']} is not here (weights_sha256 "
                f"{stated['weights_sha256'][:12]}); name it with --model"
            )
        esm = load_esm(path)
        width = esm.model.embed_dim
        if width != stated["d_model"]:
            raise UserError(
                f"{path}: has width {width}; expected {stated['name']} of width "
                f"{stated['d_model']} (weights_sha256 {stated['weights_sha256'][:12]}); name that "
                "model with --model"
            )
        if not given and esm.weights_sha256 != stated["weights_sha256"]:
            raise UserError(
                f"{path}: weights_sha256 is {esm.weights_sha256[:12]}, but the atlas was made with "
                f"{stated['weights_sha256'][:12]} ({stated['name']}); name that model with --model"
            )
        return esm

    def _validate_fvu(self, explainer: Explainer, model: str) -> None:
        """Raise UserError unless weights of another checksum do as well: re-saved ones."""
        expected = {(sae["layer"], sae["variant"]): sae["fvu"] for sae in self.document["saes"]}
        sequences = [protein["sequence"] for protein in self.document["test_proteins"]]
        opened = {key: self.sae(*key) for key in explainer.saes}
        validate_fvu(model, fvu_of(explainer, opened, sequences), expected)


def read_atlas(path: str | Path) -> Atlas:
    """Open an atlas; every byte of it is checked.

    Parameters
    ----------
    path : str or Path
        The .zip or folder that `protsae pack` wrote.

    Raises
    ------
    UserError
        As `read_archive` does.

    Examples
    --------
    >>> atlas = read_atlas("atlas.zip")  # doctest: +SKIP
    >>> atlas.explain("MKTAYIAKQRQISFVKSHFSRQ", table="predictions")  # doctest: +SKIP
    """
    folder = Path(tempfile.mkdtemp(prefix="protsae-atlas-"))
    try:
        atlas = Atlas(Path(path), read_archive(Path(path), folder), folder)
    except BaseException:
        shutil.rmtree(folder)
        raise
    weakref.finalize(atlas, shutil.rmtree, folder, ignore_errors=True)
    return atlas
