"""SAEs of a run as folders that SAELens loads, and as a repository for the Hugging Face Hub."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from protsae.errors import UserError
from protsae.inspection.sae_features import feature_rows_of
from protsae.io.atlas_files.archive import atomic_folder
from protsae.io.progress import progress
from protsae.io.saes.evaluations import read_evaluation
from protsae.io.saes.sae_files import SaeSource, read_sae
from protsae.io.saes.sae_identity import CONFIG, IDENTITY, WEIGHTS
from protsae.io.table_files.parquet import write_tsv
from protsae.run.run_places import place
from protsae.stages.atlas.run_card import NO_LICENCE, card_of
from protsae.stages.exporting.model_card import CardSae, card_text
from protsae.stages.exporting.source_run import SourceRun

CARD, FEATURES = "README.md", "features.tsv"

SaeName = tuple[str, int, str]
"""Model, layer and variant."""


@dataclass(frozen=True)
class WrittenSaes:
    """What was written.

    Attributes
    ----------
    path : Path
    n_saes, n_bytes : int
    """

    path: Path
    n_saes: int
    n_bytes: int


def write_sae_folder(run: SourceRun, target: str | Path, sae: SaeName) -> WrittenSaes:
    """Copy an SAE to a new folder, for ``sae_lens.SAE.load_from_disk``.

    It holds ``cfg.json`` and ``sae_weights.safetensors``, which SAELens reads, and ``protsae.json``
    with their checksums and what the SAE was trained on.

    Raises
    ------
    UserError
        If the run has no such SAE, its files are not those that were written, or the target is
        there already.
    """
    target = _new(target)
    with atomic_folder(target) as folder:
        _copy_sae(run, sae, folder)
    return WrittenSaes(target, 1, _size(target))


def write_repository(
    run: SourceRun, target: str | Path, saes: Sequence[SaeName], licence: str
) -> WrittenSaes:
    """Write SAEs of one model with a model card, laid out as the Hugging Face Hub has it.

    A folder for each SAE, such as ``layer-06/topk``, as `write_sae_folder` writes it and with
    ``features.tsv``, what its features detect; and ``README.md``, the card. Nothing is uploaded.

    Parameters
    ----------
    licence : str
        Under which the SAEs may be used, such as CC-BY-4.0.

    Raises
    ------
    UserError
        As `write_sae_folder`.
    """
    target, described = _new(target), []
    with atomic_folder(target) as folder:
        for model, layer, variant in progress(saes, "copying", "SAEs"):
            name = f"layer-{layer:02d}/{variant}"
            source = _copy_sae(run, (model, layer, variant), folder / name)
            rows = _feature_rows(run, (model, layer, variant))
            write_tsv(folder / name / FEATURES, rows)
            own = run.results / "sae" / place(model, layer) / variant / "evaluation.json"
            best = _of_sae(run.best_features, (model, layer, variant))
            described.append(CardSae(name, source, read_evaluation(own), rows, best))
        card = card_text(described, card_of(run, licence))
        (folder / CARD).write_text(card, encoding="utf-8", newline="\n")
    return WrittenSaes(target, len(saes), _size(target))


def repository_lines(done: WrittenSaes, licence: str) -> list[str]:
    """What was written, and what is left to do."""
    lines = [*folder_lines(done), f"read and complete {done.path / CARD} before you upload it"]
    if licence == NO_LICENCE:
        lines.append("note: the card states no licence; give one with --licence")
    return lines


def folder_lines(done: WrittenSaes) -> list[str]:
    """What was written."""
    saes = "1 SAE" if done.n_saes == 1 else f"{done.n_saes} SAEs"
    return [f"wrote {done.path}: {saes}, {done.n_bytes / 1e6:.1f} MB"]


def _new(target: str | Path) -> Path:
    if Path(target).exists():
        raise UserError(f"{target}: is there already; expected a new folder; name another")
    return Path(target)


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _copy_sae(run: SourceRun, sae: SaeName, folder: Path) -> SaeSource:
    model, layer, variant = sae
    own = run.results / "sae" / place(model, layer) / variant
    _, source = read_sae(own)  # checks that the files are those that were written
    folder.mkdir(parents=True, exist_ok=True)
    for name in (WEIGHTS, CONFIG, IDENTITY):
        shutil.copyfile(own / name, folder / name)
    return source


def _feature_rows(run: SourceRun, sae: SaeName) -> pd.DataFrame:
    model, layer, variant = sae
    n = len(_of_sae(run.features, sae))
    return feature_rows_of(run.features, model, layer, variant, n, run.results)


def _of_sae(table: pd.DataFrame, sae: SaeName) -> pd.DataFrame:
    return table[table[["model", "layer", "variant"]].eq(list(sae)).all(axis=1)]
