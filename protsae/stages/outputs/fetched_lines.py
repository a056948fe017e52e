"""What is said of proteins and annotations that were fetched."""

from collections import Counter
from collections.abc import Iterator, Mapping

from protsae.one_line import note
from protsae.proteins.nucleic_acids import nucleic_notes
from protsae.stages.fetch_proteins import Fetched


def fetched_lines(found: Fetched, annotations: str | None = None) -> Iterator[str]:
    """How many proteins and features were kept, and why others were not.

    Parameters
    ----------
    annotations : str, optional
        Path of a table of features that was read beside FASTA.
    """
    proteins, counts = found.proteins, found.counts
    yield f"proteins: {proteins.kept:,} of {proteins.read:,} kept"
    changed = counts["proteins"]["changed"]
    for name, by_kind in (("dropped", proteins.dropped_by_name()), ("changed", changed)):
        if by_kind:
            yield note(f"proteins {name}: {_listed(by_kind)}")
    yield from map(note, nucleic_notes(proteins.nucleic))
    features = counts["features"]
    yield f"features: {sum(features['kept'].values()):,} of {len(features['kept'])} types kept"
    if features["uncertain"]:
        uncertain = _listed(features["uncertain"])
        yield f"  without exact ends, so that residues are unknown: {uncertain}"
    if features["left_out"]:
        by_type = {key: sum(reasons.values()) for key, reasons in features["left_out"].items()}
        yield note(f"features left out: {_listed(by_type)}")
        by_reason: Counter[str] = Counter()
        for reasons in features["left_out"].values():
            by_reason.update(reasons)
        yield f"  because: {_listed(by_reason)}"
    if annotations is not None:
        text = f"{annotations}: {found.matches}, {found.features.outside()}"
        yield note(text) if found.matches.unmatched or found.features.beyond else f"  {text}"
    elif found.features.beyond:
        yield note(found.features.outside())


def _listed(counts: Mapping[str, int]) -> str:
    ordered = sorted(counts.items(), key=lambda item: -item[1])
    return ", ".join(f"{n:,} {name}" for name, n in ordered)
