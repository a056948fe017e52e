"""What asking an LLM will cost, what it has cost, and how its rules did, in words."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from protsae.descriptions.llm.feature_prompt import ANSWER, CHARACTERS, estimated_tokens
from protsae.descriptions.rule_words import UNKNOWN
from protsae.errors import UserError
from protsae.io.llm.chat_client import Completion, Messages
from protsae.one_line import note, one_line


@dataclass(frozen=True)
class Prices:
    """Price of a million tokens of prompts and of answers, in any currency; None if not given."""

    input: float | None = None
    output: float | None = None

    def __post_init__(self) -> None:
        both = (self.input, self.output)
        if (None in both and both != (None, None)) or any(p is not None and p < 0 for p in both):
            raise UserError(
                "--price-input and --price-output: expected both, 0 or more, or neither"
            )

    def words(self, n_input: int, n_output: int) -> str:
        """What so many tokens cost.

        Examples
        --------
        >>> Prices(3.0, 15.0).words(1_000_000, 100_000), Prices().words(1, 1)
        ('4.50 at your prices', 'cost unknown, as no prices are given')
        """
        if self.input is None or self.output is None:
            return "cost unknown, as no prices are given"
        cost = (n_input * self.input + n_output * self.output) / 1e6
        return f"{cost:.2f} at your prices" if cost >= 0.01 else f"{cost:.2g} at your prices"


def lines_before(
    todo: Sequence[Messages], n_asked: int, n_without: int, endpoint: str, llm: str, prices: Prices
) -> list[str]:
    """What is about to be asked, said before the first request.

    Parameters
    ----------
    todo : sequence
        Prompts without an answer yet.
    n_asked, n_without : int
        Features with an answer already, and those without a train example, which are not asked
        about.
    """
    lines = []
    if n_without:
        lines.append(note(f"{n_without:,} features have no example in train; not asked about"))
    if n_asked:
        lines.append(f"{n_asked:,} features have an answer of {one_line(llm)} already")
    if not todo:
        return [*lines, "no requests"]
    n_input, n_output = sum(map(estimated_tokens, todo)), ANSWER * len(todo)
    return [
        *lines,
        f"{len(todo):,} requests to {one_line(endpoint)}, one after another, for {one_line(llm)}",
        f"estimated: {n_input:,} tokens of prompts ({CHARACTERS} characters a token), "
        f"{n_output:,} of answers ({ANSWER} each; an LLM that thinks first needs more); "
        f"{prices.words(n_input, n_output)}",
        "sent: windows of proteins of the training set with activations and annotations",
    ]


def prompt_lines(todo: Sequence[Messages]) -> list[str]:
    """The first prompt, word for word."""
    return [f"[{each['role']}]\n{each['content']}" for each in todo[0]] if todo else []


def lines_after(
    answers: Sequence[Completion], rows: pd.DataFrame, prices: Prices, path: str
) -> list[str]:
    """What it has cost by the endpoint's count, and how the rules did beside protsae's own."""
    n = len(rows)
    counted = [a for a in answers if a.input_tokens is not None and a.output_tokens is not None]
    n_input, n_output = (
        sum(getattr(answer, name) for answer in counted)
        for name in ("input_tokens", "output_tokens")
    )
    partly = "" if len(counted) == len(answers) else f" (of {len(counted):,} answers with a count)"
    used = f"{n_input:,} tokens of prompts and {n_output:,} of answers{partly}"
    n_problems, n_rules = int(rows["problem"].notna().sum()), int(rows["rule"].notna().sum())
    lines = [
        f"all {len(answers):,} answers, by the endpoint's own count: {used}; "
        f"{prices.words(n_input, n_output)}"
        if counted
        else "the endpoint does not count tokens",
        f"{n_problems:,} of {n:,} answers were no rule that protsae can score; "
        f"{n - n_rules - n_problems:,} say that they know none",
    ]
    named = int((rows["confidence"] != UNKNOWN).sum())
    lines.append(f"{named:,} of {n:,} features are told by the LLM's rule (q ≤ 0.05)")
    if compared := compared_words(rows):
        lines.append(compared)
    return [*lines, f"wrote {path}"]


def compared_words(rows: pd.DataFrame) -> str:
    """The LLM's rules beside protsae's, of the features that have both; empty if there are none.

    Examples
    --------
    >>> rows = pd.DataFrame({"protsae_auroc": [0.75, 0.5], "auroc_difference": [-0.25, 0.125]})
    >>> rows = rows.assign(auroc_difference_low=[-0.5, -0.1], auroc_difference_high=[-0.1, 0.2])
    >>> compared_words(rows)
    "AUROC, mean of 2 features with both rules: LLM's 0.56, protsae's 0.62; LLM's higher for 0, \
lower for 1 (95 % interval of the difference)"
    """
    both = rows[rows["auroc_difference"].notna()]
    if both.empty:
        return ""
    ours = both["protsae_auroc"].to_numpy(np.float64)
    theirs = ours + both["auroc_difference"].to_numpy(np.float64)
    higher = int((both["auroc_difference_low"] > 0).sum())
    lower = int((both["auroc_difference_high"] < 0).sum())
    return (
        f"AUROC, mean of {len(both):,} features with both rules: LLM's {theirs.mean():.2f}, "
        f"protsae's {ours.mean():.2f}; LLM's higher for {higher:,}, lower for {lower:,} "
        "(95 % interval of the difference)"
    )
