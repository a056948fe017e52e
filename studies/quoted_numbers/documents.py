"""docs/numbers.json, and the blocks of documents that quote it.

A block stands between ``<!-- numbers: NAME -->`` and ``<!-- /numbers -->``. What is in between is
written by `fill`; a test compares.
"""

import json
import re
import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
NUMBERS = ROOT / "docs" / "numbers.json"
DOCUMENTS = (
    "README.md",
    "docs/guide.md",
    "docs/scores.md",
    "docs/model_card.md",
    "docs/benchmarks.md",
)

SMALLEST = 0.03
"""A figure of another training is as expected within this, or within two standard deviations."""

SHOWN = ("SIGNAL", "TRANSMEM", "DISULFID", "HELIX", "position: first residue", "residue: C")
"""Concepts of the table in docs/scores.md, as far as they are scored."""

OVERVIEW = ("coordinate_f1", "neuron_f1", "frozen_f1", "permuted_f1", "rule_f1")
"""Baselines of the README's table."""

BASELINES = {
    "coordinate_f1": "coordinate",
    "neuron_f1": "neuron",
    "frozen_f1": "frozen SAE",
    "onehot_f1": "one-hot",
    "permuted_f1": "permuted model",
    "rule_f1": "rule",
    "window_f1": "window probe",
    "probe_f1": "layer probe",
}
"""F1 of what else detects a concept, and the heading of its column."""


OF_SAES = {
    "fvu": "FVU",
    "best_fvu": "of the best codes",
    "pca_sparse_fvu": "of PCA at that L0",
    "l0": "L0",
    "loss_recovered": "loss recovered",
    "called_share": "concepts called, share",
}
"""What is shown of an SAE, and the heading of its column."""


@dataclass(frozen=True)
class Numbers:
    """What docs/numbers.json holds.

    Attributes
    ----------
    seeds : list of int
    made_on : dict of str to str
        Instruction set and versions.
    figures : dict of str to dict of str to list of float
        Quantity, what it is of, and its value with each seed.
    rules : dict of str to str
        Concept to the rule on the sequence that is a baseline for it.
    guide : list of str
        What the code of docs/guide.md prints, on the run with the first seed.
    """

    seeds: list[int]
    made_on: dict[str, str]
    figures: dict[str, dict[str, list[float]]]
    rules: dict[str, str]
    guide: list[str]

    @classmethod
    def read(cls, path: Path = NUMBERS) -> "Numbers":
        """From its file."""
        return cls(**json.loads(path.read_text()))

    def write(self, path: Path = NUMBERS) -> None:
        """One line for each figure."""
        text = json.dumps(asdict(self), indent=1, ensure_ascii=False)
        of_seeds = r"\[\s+([-0-9.,\s]+?)\s+\]"
        lines = re.sub(of_seeds, lambda found: f"[{' '.join(found[1].split())}]", text)
        path.write_text(lines + "\n")

    def shown(self, quantity: str, of: str) -> str:
        """`spread` over the seeds; a hyphen where there is no such figure."""
        values = self.figures.get(quantity, {}).get(of)
        return spread(values) if values else "-"


def tolerance(values: Sequence[float]) -> float:
    """How far the same figure of another training may lie from the mean of these.

    Examples
    --------
    >>> tolerance([0.5, 0.6, 0.7]), tolerance([0.6, 0.6, 0.6])
    (0.2, 0.03)
    """
    return max(SMALLEST, round(2 * statistics.stdev(values), 4))


def spread(values: Sequence[float]) -> str:
    """Mean and range, as a table shows them.

    Examples
    --------
    >>> spread([0.61, 0.62, 0.69]), spread([15.98, 15.99, 15.98]), spread([44.0, 46.0, 48.0])
    ('0.64 (0.61 to 0.69)', '15.98 (15.98 to 15.99)', '46 (44 to 48)')
    >>> spread([0.5, 0.5, 0.5]), spread([0.0081, 0.0083, 0.0084])
    ('0.50', '0.008')
    """
    whole = all(value == int(value) for value in values) and max(values) > 1
    decimals = 0 if whole else 3 if max(values) < 0.1 else 2
    mean, low, high = (
        f"{value:.{decimals}f}" for value in (statistics.mean(values), min(values), max(values))
    )
    return mean if low == high else f"{mean} ({low} to {high})"


def fill(text: str, numbers: Numbers) -> str:
    """The document with its blocks as the figures have them.

    Raises
    ------
    ValueError
        If a block has a name that there is not.
    """

    def block(found: re.Match[str]) -> str:
        name, _, argument = found[1].partition(" ")
        if name not in BLOCKS:
            raise ValueError(f"block {found[1]!r}; expected one of {', '.join(BLOCKS)}")
        return f"<!-- numbers: {found[1]} -->\n{BLOCKS[name](numbers, argument)}\n<!-- /numbers -->"

    return re.sub(r"<!-- numbers: (.*?) -->\n.*?<!-- /numbers -->", block, text, flags=re.DOTALL)


def concepts_block(numbers: Numbers, chosen: str) -> str:
    """F1 of the best feature for some concepts, beside what else detects them."""
    return concept_table(numbers, chosen, tuple(BASELINES))


def overview_block(numbers: Numbers, chosen: str) -> str:
    """The same with three of the baselines."""
    return concept_table(numbers, chosen, OVERVIEW)


def concept_table(numbers: Numbers, chosen: str, baselines: Sequence[str]) -> str:
    """One row for each concept: F1 of the best feature and of these baselines."""
    shown = chosen.split(", ") if chosen else list(SHOWN)
    head = ["concept", "best feature", *(BASELINES[quantity] for quantity in baselines)]
    rows = []
    for concept in shown:
        cells = [numbers.shown(quantity, concept) for quantity in ("f1", *baselines)]
        rule = numbers.rules.get(concept)
        if rule:
            at = 1 + baselines.index("rule_f1")
            cells[at] += f" ({rule})"
        rows.append([concept, *cells])
    return table(head, rows)


def dictionaries_block(numbers: Numbers, _: str) -> str:
    """FVU, L0, loss recovered and concepts called of every SAE."""
    names = sorted(numbers.figures["fvu"], key=lambda name: (name.split()[2], name))
    rows = [[name, *(numbers.shown(quantity, name) for quantity in OF_SAES)] for name in names]
    return table(["SAE", *OF_SAES.values()], rows)


def called_block(numbers: Numbers, _: str) -> str:
    """How many concepts that the sequence does not define something is called for."""
    scored = numbers.shown("concepts_scored", "default run")
    called = [f"{numbers.shown('called', of)} {of}" for of in numbers.figures["called"]]
    return (
        f"Of {scored} concepts scored that the sequence does not define, so many are called for: "
        f"{'; '.join(called)}."
    )


def guide_block(numbers: Numbers, which: str) -> str:
    """What a block of code prints."""
    return f"```\n{numbers.guide[int(which) - 1]}\n```"


BLOCKS: dict[str, Callable[[Numbers, str], str]] = {
    "concepts": concepts_block,
    "overview": overview_block,
    "dictionaries": dictionaries_block,
    "called": called_block,
    "guide": guide_block,
}


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
