"""Sequences that a model with interventions has designed, and those of its controls."""

from protsae.schema.table import Column, Table

DESIGNS = Table(
    "designs",
    1,
    "one row per design, start by start; in each the arms one after another",
    ("start", "arm", "design"),
    (
        Column(
            "start",
            "text",
            "name",
            "Name of the start protein; `masks` for a start from masks alone.",
        ),
        Column(
            "arm",
            "text",
            "steered, none, random feature, coordinate, mean difference",
            "What acted in the model: the edits that were given, nothing, or what it is compared "
            "with (see docs/interventions.md). Equal `start` and `design` have equal random "
            "numbers.",
        ),
        Column("design", "integer", "≥ 1", "Number of the design."),
        Column("sequence", "text", "letters", "The design."),
        Column(
            "identity",
            "number",
            "0 to 1",
            "Share of residues that are those of the start. Empty for a start from masks.",
            True,
        ),
        Column(
            "pairwise_identity",
            "number",
            "0 to 1",
            "Share of positions at which another design of the same start and arm has the same "
            "residue, mean over all others. All positions count, without alignment, as designs of "
            "one start are equally long. The mean over the designs of an arm is their mean "
            "pairwise identity: high where designs are alike. Empty for a single design.",
            True,
        ),
        Column(
            "pseudo_perplexity",
            "number",
            "≥ 1",
            "Pseudo-perplexity, exp(-mean log p) of the residues under the clean model, each "
            "masked when it is predicted, in sets of about 15 %. Low also for repeats. Empty "
            "without a standard amino acid.",
            True,
        ),
        Column(
            "activation",
            "number",
            "any",
            "Mean over residues and edited features of the activation in the finished sequence, "
            "with nothing masked and nothing edited. The same features in all arms.",
        ),
        Column(
            "hydropathy",
            "number",
            "-4.5 to 4.5",
            "Mean hydropathy of the residues (Kyte & Doolittle 1982).",
            True,
        ),
        Column(
            "charge", "number", "-1 to 1", "Net charge of side chains at pH 7 per residue, e.", True
        ),
        Column(
            "tm_windows",
            "integer",
            "≥ 0",
            "Windows of 19 residues, without overlap, with mean hydropathy of at least 1.6: where "
            "Kyte & Doolittle expect a membrane-spanning segment.",
        ),
        Column(
            "low_complexity",
            "number",
            "0 to 1",
            "Share of residues in windows of low entropy (first step of SEG).",
        ),
        Column(
            "motifs",
            "text",
            "names and counts",
            "Matches of the PROSITE patterns that protsae knows, such as `N-glycosylation 2; RGD "
            "1`. Most matches of short patterns are chance.",
            True,
        ),
        Column(
            "concept",
            "text",
            "name",
            "The concept that the next four columns judge by: `--concept`, or that of the first "
            "feature. Empty if there is none.",
            True,
        ),
        Column(
            "window_share",
            "number",
            "0 to 1",
            "Share of residues at which a probe of the concept is on that sees BLOSUM62 scores of "
            "the letters around a residue (`references.window_flank`) and is fitted to train; "
            "penalty and threshold are those of the highest F1 on valid.",
            True,
        ),
        Column(
            "window_has_concept",
            "integer",
            "0 or 1",
            "1 if that share is above that of 95 % of the proteins of valid, each cut to the "
            "length of the design.",
            True,
        ),
        Column(
            "homologue",
            "text",
            "accession",
            "Train protein with the best alignment, of an E-value of at most "
            "`references.evalue`. Empty if there is none, or the sequence defines the concept.",
            True,
        ),
        Column(
            "homologue_has_concept",
            "integer",
            "0 or 1",
            "1 if that protein has the concept at a residue that is aligned; 0 without a "
            "homologue. Empty if the sequence defines the concept.",
            True,
        ),
        Column(
            "judged",
            "text",
            "names",
            "Rules on the sequence that the design satisfies and the start does not, joined by "
            "`; `; and `window probe` or `homologue` if that has the concept and that of the start "
            "has not. No language model judges.",
            True,
        ),
    ),
)
