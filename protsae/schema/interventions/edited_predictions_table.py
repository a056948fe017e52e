"""What a model predicts at each residue, as it is and with interventions."""

from protsae.schema.table import Column, Table

_LETTER = "one of the 20 amino acids"

EDITED = Table(
    "edited",
    1,
    "one row per residue, protein by protein",
    ("protein", "position"),
    (
        Column("protein", "text", "name", "Name of the protein: that of its FASTA record."),
        Column("position", "integer", "≥ 1", "Position of the residue, 1-based."),
        Column("residue", "text", "one letter", "Amino acid at the position."),
        Column(
            "edited",
            "boolean",
            "true or false",
            "Whether an intervention changes the activations of the residue itself when nothing is "
            "masked. Predictions of other residues change through attention alone.",
        ),
        Column(
            "probability",
            "number",
            "0 to 1",
            "Probability of the residue that is there, among ESM-2's 33 tokens, in the clean "
            "model, with the residue masked unless `--unmasked` was given. Empty at a letter that "
            "is none of the 20 amino acids.",
            True,
        ),
        Column(
            "edited_probability",
            "number",
            "0 to 1",
            "The same probability with the interventions.",
            True,
        ),
        Column(
            "kl",
            "number",
            "≥ 0",
            "Kullback-Leibler divergence sum p log(p / q) of the clean prediction p from the "
            "edited one q, over all tokens, in nats. 0: the prediction is the same; 0.1 is a "
            "change that is easily seen, 1 another prediction.",
        ),
        Column("best", "text", _LETTER, "Amino acid with the highest probability, clean."),
        Column("edited_best", "text", _LETTER, "The same with the interventions."),
        Column(
            "gained",
            "text",
            _LETTER,
            "Amino acid whose probability rises most. Empty if none rises.",
            True,
        ),
        Column(
            "gain",
            "number",
            "0 to 1",
            "By how much its probability rises: edited less clean.",
        ),
        Column(
            "lost",
            "text",
            _LETTER,
            "Amino acid whose probability falls most. Empty if none falls.",
            True,
        ),
        Column("loss", "number", "0 to 1", "By how much its probability falls: clean less edited."),
    ),
)
