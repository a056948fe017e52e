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
            "judged",
            "text",
            "names",
            "Rules on the sequence that the design satisfies and the start does not, joined by "
            "`; `. No language model judges.",
            True,
        ),
    ),
)
