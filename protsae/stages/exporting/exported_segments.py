"""Active segments of features in the run's proteins, as GFF3 and BED."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from scipy import sparse

from protsae.errors import UserError
from protsae.features.protein_segments import protein_segments
from protsae.io.atomic import atomic_path
from protsae.io.other_programs.bed import bed_line
from protsae.io.progress import progress
from protsae.io.table_files.gff3 import HEADER, attributes_text, region_line, sequence_line
from protsae.one_line import cut
from protsae.stages.exporting.feature_labels import feature_names, titles
from protsae.stages.exporting.source_run import SourceRun

_SAE = ["model", "layer", "variant"]
_SAID = ("label", "f1", "f1_low", "f1_high", "q_value", "verdict")
_OF_PLACE = ("peak", "activation", "relative_activation", "threshold")
"""What is said of a feature, as in features.parquet, and of a segment."""


@dataclass(frozen=True)
class WrittenSegments:
    """What a file of segments holds.

    Attributes
    ----------
    path : Path
    n_segments, n_features, n_active, n_proteins : int
        ``n_active`` proteins of ``n_proteins`` have a segment.
    """

    path: Path
    n_segments: int
    n_features: int
    n_active: int
    n_proteins: int


def in_order(features: pd.DataFrame) -> pd.DataFrame:
    """Rows of features, those of an SAE together, numbered from 0."""
    groups = [rows for _, rows in features.groupby(_SAE, sort=False)]
    return pd.concat(groups, ignore_index=True)


def run_segments(
    run: SourceRun, features: pd.DataFrame, proteins: Sequence[str] = ()
) -> Iterator[tuple[str, int, pd.DataFrame]]:
    """The active segments of features, protein by protein in the order of the protein table.

    Parameters
    ----------
    features : DataFrame
        Some rows of the feature table.
    proteins : sequence of str
        Accessions; default: all of the run.

    Yields
    ------
    (accession, length, segments)
        Segments as `protein_segments` gives them, with ``row``, that of the feature in `in_order`;
        by place.

    Raises
    ------
    UserError
        If the run has no such protein, or its parts do not belong together.
    """
    lengths = dict(zip(run.proteins["accession"], run.proteins["length"].tolist(), strict=True))
    if unknown := [name for name in proteins if name not in lengths]:
        raise UserError(
            f"{run.results}: no protein {cut(unknown[0], 60)!r} among its {len(lengths):,}; for "
            "any other, protsae explain writes GFF3"
        )
    together = in_order(features).reset_index(names="row")
    groups = [rows for _, rows in together.groupby(_SAE, sort=False)]
    places = [rows[["layer", "variant", "model"]].iloc[0].tolist() for rows in groups]
    columns = [rows["feature"].tolist() for rows in groups]
    chosen = set(proteins) or None
    blocks = zip(*(run.activations(*place).blocks(chosen) for place in places), strict=True)
    for of_saes in blocks:  # the same proteins of each
        values = [rows[:, kept] for (_, rows), kept in zip(of_saes, columns, strict=True)]
        beside = sparse.csr_array(sparse.hstack(values, format="csr"))
        first = 0
        for name in of_saes[0][0]:
            own = beside[first : first + lengths[name]]
            found = protein_segments(own, together, ["row"]).sort_values(["start", "end", "row"])
            yield name, lengths[name], found
            first += lengths[name]


class Gff3Lines:
    """Proteins and their segments as lines of GFF3; the score is the activation at the peak.

    ``Name`` is the concept of the feature, else its label, else its name.

    Parameters
    ----------
    features : DataFrame
        Rows of the feature table; segments point to them by ``row``.
    own_model : str
        As of `feature_names`.

    Examples
    --------
    >>> row = {"model": "m", "layer": 6, "variant": "topk", "feature": 2, "concept": "SIGNAL"}
    >>> row |= {"label": "a; b", "f1": 0.5, "f1_low": None, "f1_high": None, "q_value": 0.01}
    >>> lines = Gff3Lines(pd.DataFrame([{**row, "verdict": None}]), "m")
    >>> place = {"row": 0, "start": 2, "end": 9, "peak": 4, "activation": 1.5}
    >>> segments = pd.DataFrame([{**place, "relative_activation": 0.75, "threshold": 0.25}])
    >>> print("".join(lines("P1", 11, segments)).replace("\\t", " "), end="")
    ##sequence-region P1 1 11
    P1 protsae polypeptide_region 2 9 1.5 . . Name=SIGNAL;feature=6/topk/2;label=a%3B b;f1=0.5;\
q_value=0.01;peak=4;activation=1.5;relative_activation=0.75;threshold=0.25
    """

    head = HEADER

    def __init__(self, features: pd.DataFrame, own_model: str) -> None:
        self._said = [
            attributes_text(dict(zip(("Name", "feature", *_SAID), told, strict=True)))
            for told in zip(
                titles(features, own_model),
                feature_names(features, own_model),
                *(features[column].tolist() for column in _SAID),
                strict=True,
            )
        ]

    def __call__(self, name: str, length: int, segments: pd.DataFrame) -> Iterator[str]:
        """Lines of a protein."""
        yield sequence_line(name, length)
        columns = (segments[column].tolist() for column in ("row", "start", "end", *_OF_PLACE))
        for row, start, end, *of_place in zip(*columns, strict=True):
            told = attributes_text(dict(zip(_OF_PLACE, of_place, strict=True)))
            activation = of_place[_OF_PLACE.index("activation")]
            yield region_line(name, start, end, activation, f"{self._said[row]};{told}")


class BedLines:
    """The segments of proteins as lines of BED.

    The name is the concept (or label) and the feature; the score is the activation at the peak,
    1,000 being the largest on the run's test set, and 0 where that is not known.

    Parameters
    ----------
    features, own_model
        As of `Gff3Lines`.
    """

    head = ""

    def __init__(self, features: pd.DataFrame, own_model: str) -> None:
        names = feature_names(features, own_model)
        both = zip(titles(features, own_model), names, strict=True)
        self._said = [name if title == name else f"{title}|{name}" for title, name in both]

    def __call__(self, name: str, length: int, segments: pd.DataFrame) -> Iterator[str]:
        """Lines of a protein; its length is not said."""
        shown = segments.assign(score=segments["relative_activation"].fillna(0.0))
        columns = (shown[column].tolist() for column in ("row", "start", "end", "peak", "score"))
        for row, start, end, peak, score in zip(*columns, strict=True):
            yield bed_line(name, start, end, peak, self._said[row], score)


def write_segments(
    run: SourceRun,
    path: str | Path,
    features: pd.DataFrame,
    lines: Gff3Lines | BedLines,
    proteins: Sequence[str] = (),
) -> WrittenSegments:
    """Write the segments of features, protein by protein.

    Parameters
    ----------
    features, proteins
        As of `run_segments`.
    lines : Gff3Lines or BedLines
        Of the same features.
    """
    n_proteins = len(set(proteins)) or len(run.proteins)
    n_segments = n_active = 0
    with (
        atomic_path(path) as temporary,
        temporary.open("w", encoding="utf-8", newline="\n") as file,
        progress(n_proteins, "writing segments", "proteins") as shown,
    ):
        file.write(lines.head)
        for name, length, segments in run_segments(run, features, proteins):
            file.writelines(lines(name, length, segments))
            n_segments += len(segments)
            n_active += bool(len(segments))
            shown.update()
    return WrittenSegments(Path(path), n_segments, len(features), n_active, n_proteins)


def segment_lines(done: WrittenSegments) -> list[str]:
    """What was written."""
    features = "1 feature" if done.n_features == 1 else f"{done.n_features:,} features"
    return [
        f"wrote {done.path}: {done.n_segments:,} segments of {features} in {done.n_active:,} of "
        f"{done.n_proteins:,} proteins"
    ]
