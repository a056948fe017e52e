"""The commands of ``protsae``, by what they act on: one module each, in the folder of its group."""

GROUPS = {
    "proteins": {
        "fetch": "proteins and their annotations, from UniProt or from files",
        "labels": "secondary structure and accessibility of residues, from structures",
        "split": "homology clusters, and train/valid/test that never share one",
        "further": "more proteins for SAEs to train on, without relatives of valid and test",
        "base-rates": "how common each concept is in a file of proteins, for F1 at these rates",
    },
    "models": {
        "onehot": "one-hot sequences of one shard, as an activation file",
        "embed": "every layer's activations of one shard through ESM-2",
        "randomise": "a permuted model: an ESM-2 with its weights in random order (or: permute)",
        "pretrain": "a small ESM-2 by masked-language modelling",
    },
    "saes": {
        "train": "all sparse autoencoders of a layer, in one pass",
        "adopt": "an SAE of SAELens or another program, for evaluate and annotate",
        "evaluate": "L0, FVU, loss recovered and baselines of a layer's SAEs on test",
        "encode": "the SAEs' activations at every residue of one shard, sparse",
        "scaling": "what sparsity costs and how error scales, over the SAEs of a run",
    },
    "concepts": {
        "probe": "supervised linear probes of a layer, as a reference",
        "sparse-probe": "how few features, or simpler columns, are enough to detect a concept",
        "lookup": "BLOSUM62 windows, homologues and rules on the sequence (or: references)",
        "annotate": "the concept each feature of a layer detects, with baselines",
        "probe-proteins": "labels of whole proteins predicted from features, with baselines",
    },
    "features": {
        "show": "what a feature of a run detects and how surely, with examples",
        "neighbours": "which features are alike, and which persist in the next layer",
        "describe": "features described by your LLM, scored like protsae's own descriptions",
    },
    "interventions": {
        "circuit": "which features of successive layers make a prediction, as a graph",
        "effects": "what each feature of a layer does to the model's predictions",
        "intervene": "features ablated, clamped, scaled or added to, and what ESM-2 then predicts",
        "attribute": "what a prediction or a probe's logit comes from: features, layer by layer",
        "steer": "sequences designed with features clamped, with controls",
        "deconfound": "a confounder removed from a probe by ablating features, with controls",
    },
    "run": {
        "demo": "the workflow on the bundled proteins, in about a minute",
        "init": "a folder for your own run: settings to edit, a cluster profile, a README",
        "run": "the workflow in the current folder, by Snakemake",
        "tables": "the feature table and the associations of all layers",
        "report": "a static HTML page of the run",
        "summary": "findings in words, time and memory by stage",
        "explain": "which features of a run are active in your proteins, and probable concepts",
        "variants": "variants of a protein: log-odds by ESM-2, and which features they change",
        "pack": "a run as one file to share, for explain --atlas",
        "verify": "whether a run's files are whole and belong together",
    },
    "exports": {
        "export": "features of a run for scanpy, genome browsers, ChimeraX, PyMOL, SAELens",
    },
}
ALIASES = {"permute": "randomise", "references": "lookup"}
"""Other names of commands, which keep to the glossary."""

PASSING_ON = {"demo", "run"}
"""Commands that hand what they do not know themselves on to another program."""

COMMANDS = {name: text for group in GROUPS.values() for name, text in group.items()}


def module_of(name: str) -> str:
    """The module of a command.

    Examples
    --------
    >>> module_of("base-rates")
    'protsae.commands.proteins.base_rates'
    """
    group = next(group for group, commands in GROUPS.items() if name in commands)
    return f"protsae.commands.{group}.{name.replace('-', '_')}"
