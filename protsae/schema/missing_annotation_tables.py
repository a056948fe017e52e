"""Tables of candidates for missing annotation, and of how far to trust them."""

from protsae.schema.shared_columns import IDENTITY, LAYER, MODEL, VARIANT
from protsae.schema.table import Column, Table

CANDIDATES = Table(
    "candidates",
    3,
    "one row per active segment that may lack an annotation, sorted by variant and rank",
    ("model", "layer", "variant", "rank"),
    (
        *IDENTITY,
        Column("rank", "integer", "≥ 1", "Rank within the SAE; 1 has the highest probability."),
        Column("accession", "text", "UniProt", "Test protein that may lack the annotation."),
        Column("start", "integer", "≥ 1", "First residue of the active segment, 1-based."),
        Column("end", "integer", "≥ start", "Last residue of the active segment, inclusive."),
        Column(
            "concept",
            "text",
            "see Concepts",
            "Concept that may be missing: the entry has no annotated instance of it within 5 "
            "residues.",
        ),
        Column(
            "peak",
            "integer",
            "≥ 1",
            "Position of the highest activation in the segment, 1-based.",
        ),
        Column("activation", "number", "> 0", "Activation at the peak."),
        Column(
            "quantile",
            "number",
            "0 to 1",
            "Share of the feature's positive activations on the training set that are no higher "
            "than the peak.",
        ),
        Column(
            "probability",
            "number",
            "0.5 to 1",
            "Smoothed share of the training segments with a peak this high that are at an "
            "annotated instance.",
        ),
    ),
)

RECOVERY = Table(
    "recovery",
    2,
    "one row per concept searched for, with a fifth of its instances hidden",
    ("model", "layer", "variant", "concept"),
    (
        MODEL,
        LAYER,
        VARIANT,
        Column("concept", "text", "see Concepts", "Concept that is searched for."),
        Column("n_instances", "integer", "≥ 0", "Number of annotated instances in the test set."),
        Column("n_hidden", "integer", "≥ 0", "Number of these instances that were hidden."),
        Column(
            "n_found",
            "integer",
            "≥ 0",
            "Number of hidden instances with a candidate within 5 residues.",
        ),
        Column("found_share", "number", "0 to 1", "Share of hidden instances, n_found / n_hidden."),
        Column(
            "n_found_first",
            "integer",
            "≥ 0",
            "Number of hidden instances found by the first n_hidden candidates of the concept. A "
            "perfect ranking would find all of them.",
        ),
        Column(
            "n_candidates",
            "integer",
            "≥ 0",
            "Number of candidates for the concept, whatever their probability.",
        ),
        Column(
            "median_rank",
            "number",
            "≥ 1",
            "Median rank of the candidates that first find a hidden instance, among the candidates "
            "for the concept.",
            True,
        ),
    ),
)

RELIABILITY = Table(
    "reliability",
    1,
    "one row per SAE and bin of probability, with a fifth of the instances hidden",
    ("model", "layer", "variant", "p_from"),
    (
        MODEL,
        LAYER,
        VARIANT,
        Column("p_from", "number", "0 to 1", "Lower end of the bin of probability."),
        Column("p_to", "number", "0 to 1", "Upper end of the bin."),
        Column("n_candidates", "integer", "≥ 1", "Number of candidates in the bin."),
        Column(
            "n_hidden",
            "integer",
            "≥ 0",
            "Number of these candidates that are at a hidden instance.",
        ),
        Column("probability", "number", "0 to 1", "Mean probability of these candidates."),
        Column(
            "expected_share",
            "number",
            "0 to 1",
            "Share of these candidates that is predicted to be at a hidden instance.",
        ),
        Column("observed_share", "number", "0 to 1", "Actual share, n_hidden / n_candidates."),
    ),
)
