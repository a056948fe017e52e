"""A run's features in the files of other programs: one method for each."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from protsae.errors import UserError
from protsae.inspection.feature_activations import Pool
from protsae.stages.atlas.run_card import NO_LICENCE
from protsae.stages.explaining.explainer import Explainer
from protsae.stages.exporting.chosen_features import (
    named_features,
    own_saes,
    parse_sae_name,
    passing_features,
)
from protsae.stages.exporting.exported_matrices import (
    Exported,
    SaePlace,
    write_proteins,
    write_residues,
)
from protsae.stages.exporting.exported_segments import (
    BedLines,
    Gff3Lines,
    WrittenSegments,
    in_order,
    write_segments,
)
from protsae.stages.exporting.feature_on_structure import (
    Coloured,
    StructureChoice,
    write_attributes,
    write_coloured,
)
from protsae.stages.exporting.model_repository import (
    WrittenSaes,
    write_repository,
    write_sae_folder,
)
from protsae.stages.exporting.source_run import SourceRun


@dataclass(frozen=True)
class RunExports:
    """What `protsae export` writes, from Python; ``read_run("results").export`` is one.

    Files and folders appear whole or not at all.

    Attributes
    ----------
    run : SourceRun
    explainer : function
        `Run.explainer`, for proteins that are not of the run.

    Examples
    --------
    >>> from protsae import read_run  # doctest: +SKIP
    >>> export = read_run("results").export  # doctest: +SKIP
    >>> export.anndata("features.h5ad", layer=6, variant="topk")  # doctest: +SKIP
    >>> export.structure("1pga.cif", "coloured.cif", "6/topk/246")  # doctest: +SKIP
    """

    run: SourceRun
    explainer: Callable[..., Explainer]

    def anndata(
        self,
        path: str | Path,
        layer: int,
        variant: str,
        pool: Pool = "max",
        model: str | None = None,
    ) -> Exported:
        """Proteins x features as .h5ad: activations pooled over the residues of each protein.

        Parameters
        ----------
        path : str or Path
        layer, variant, model
            As of `Run.sae`.
        pool : {"max", "mean", "share"}
            As of `Run.matrix`.

        Raises
        ------
        UserError
            If the run has no such SAE or pool, or its parts do not belong together.
        ModuleNotFoundError
            Without AnnData (the extra ``anndata``).
        """
        return write_proteins(self.run, path, SaePlace(layer, variant, model), pool)

    def anndata_residues(
        self,
        path: str | Path,
        layer: int,
        variant: str,
        concepts: Sequence[str] = (),
        model: str | None = None,
    ) -> Exported:
        """Residues x features as .h5ad, written block by block; open it with ``backed="r"``.

        Parameters
        ----------
        path, layer, variant, model
            As of `anndata`.
        concepts : sequence of str
            Concepts for which rows say whether the residue has it.

        Raises
        ------
        UserError
            As `anndata`, and if the run has no such concept.
        """
        return write_residues(self.run, path, SaePlace(layer, variant, model), concepts)

    def gff3(
        self, path: str | Path, features: Sequence[str] = (), **choice: Any
    ) -> WrittenSegments:
        """Active segments of features in proteins of the run, as GFF3.

        Parameters
        ----------
        path : str or Path
        features : sequence of str
            Names, such as ``6/topk/246``. Default: all that pass the filter.
        choice
            ``proteins``: accessions, all by default. The filter: ``saes`` (such as ``6/topk``),
            ``level`` (as ``--only`` of the command) and ``concept``.

        Raises
        ------
        UserError
            If the run has no such feature, protein or SAE, or no feature passes.
        """
        return self._segments(path, features, Gff3Lines, **choice)

    def bed(self, path: str | Path, features: Sequence[str] = (), **choice: Any) -> WrittenSegments:
        """The same as BED; parameters and errors are those of `gff3`."""
        return self._segments(path, features, BedLines, **choice)

    def structure(
        self,
        source: str | Path,
        target: str | Path,
        feature: str,
        is_percent: bool = False,
        **choice: Any,
    ) -> Coloured:
        """Copy a PDB or mmCIF file with a feature's activations in place of B-factors.

        Parameters
        ----------
        source, target : str or Path
            Of the same format.
        feature : str
            Its name, such as ``6/topk/246``.
        is_percent : bool
            100 is the feature's largest activation on the run's test set.
        choice
            Fields of `StructureChoice`: ``chains``, ``protein``, ``fasta``.

        Raises
        ------
        UserError
            If there is no such feature, chain or protein, or no chain is one of the proteins.
        """
        where = self.run, self.explainer, source, target, feature
        return write_coloured(*where, StructureChoice(**choice), is_percent)

    def defattr(
        self, source: str | Path, target: str | Path, features: str | Sequence[str], **choice: Any
    ) -> Coloured:
        """Activations of features as attributes of the residues of a structure, for ChimeraX.

        Parameters and errors are those of `structure`.
        """
        names = [features] if isinstance(features, str) else features
        where = self.run, self.explainer, source, target, names
        return write_attributes(*where, StructureChoice(**choice))

    def saelens(
        self, folder: str | Path, layer: int, variant: str, model: str | None = None
    ) -> WrittenSaes:
        """An SAE as a folder for ``sae_lens.SAE.load_from_disk``.

        Parameters
        ----------
        folder : str or Path
            A new one.
        layer, variant, model
            As of `Run.sae`.

        Raises
        ------
        UserError
            If the run has no such SAE, its files were changed, or the folder is there already.
        """
        name = f"{model or self.run.model}/{layer}/{variant}"
        sae = parse_sae_name(name, self.run.results, self.run.config)
        return write_sae_folder(self.run, folder, sae)

    def huggingface(
        self, folder: str | Path, saes: Sequence[str] = (), licence: str = NO_LICENCE
    ) -> WrittenSaes:
        """SAEs with a model card, laid out as a repository of the Hugging Face Hub.

        Nothing is uploaded.

        Parameters
        ----------
        folder : str or Path
            A new one.
        saes : sequence of str
            Such as ``6/topk``, of the run's model, which the card is about; default: all of it
            that are not frozen.
        licence : str
            Under which they may be used.

        Raises
        ------
        UserError
            If an SAE is of another model, or as `saelens`.
        """
        where = self.run.results, self.run.config
        named = dict.fromkeys(parse_sae_name(name, *where) for name in saes)
        for model, layer, variant in named:
            if model != self.run.model:  # its folder would have the name of another SAE
                raise UserError(
                    f"{model}/{layer}/{variant}: the card is of {self.run.model}; expected SAEs of "
                    "it; export one of another model as saelens"
                )
        names = list(named) or own_saes(self.run)
        return write_repository(self.run, folder, names, licence)

    def _segments(
        self,
        path: str | Path,
        features: Sequence[str],
        lines: type[Gff3Lines] | type[BedLines],
        proteins: Sequence[str] = (),
        **by: Any,
    ) -> WrittenSegments:
        found = named_features(self.run, features) if features else passing_features(self.run, **by)
        chosen = in_order(found)
        return write_segments(self.run, path, chosen, lines(chosen, self.run.model), proteins)
