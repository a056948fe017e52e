"""Descriptions by an LLM: ask what was not asked yet, read the answers, score the rules on test."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from protsae.descriptions.describe_features import ANNOTATIONS, OF_SCORE, SEQUENCE, confidences
from protsae.descriptions.llm.llm_answers import LlmAnswer, read_answer
from protsae.descriptions.rule_comparison import compare_rules
from protsae.descriptions.rule_predictions import predictions
from protsae.descriptions.rule_scores import score_rules
from protsae.descriptions.terms import from_json, needs_annotations, to_json
from protsae.io.llm.answer_log import AnswerLog
from protsae.io.llm.chat_client import ChatClient, Completion, Messages
from protsae.io.progress import progress
from protsae.io.table_files.parquet import write_table
from protsae.run.layout import LLM_TABLE
from protsae.schema.features.llm_description_table import LLM_DESCRIPTIONS
from protsae.stages.describing.described_layer import DescribedLayer
from protsae.statistics.multiple_testing import benjamini_hochberg

_COMPARED = {
    "second_auroc": "protsae_auroc",
    "auroc_difference": "auroc_difference",
    "auroc_difference_low": "auroc_difference_low",
    "auroc_difference_high": "auroc_difference_high",
    "second_correlation": "protsae_correlation",
    "correlation_difference": "correlation_difference",
}
"""Columns of `compare_rules`, and their names in the table."""


def ask_llm(
    prompts: Mapping[int, Messages], client: ChatClient, log: AnswerLog, variant: str
) -> dict[int, Completion]:
    """The answer to each prompt; those that are in the log are not asked for again.

    Raises
    ------
    UserError
        As `ChatClient.ask`; the answers until then are in the log.
    """
    found = {}
    todo = sum(log.get(client.llm, prompt) is None for prompt in prompts.values())
    with progress(todo, f"asking {client.llm}", "features") as bar:
        for feature, prompt in prompts.items():
            answer = log.get(client.llm, prompt)
            if answer is None:
                answer = client.ask(prompt)
                log.add(client.llm, prompt, answer, {"variant": variant, "feature": feature})
                bar.update(1)
            found[feature] = answer
    return found


def llm_rows(
    described: DescribedLayer, llm: str, answers: Mapping[int, Completion]
) -> pd.DataFrame:
    """The table of what an LLM has answered, scored as protsae's own rules are.

    A rule is dealt to the other features that the LLM was asked about; q-values are over those
    that have a rule.

    Returns
    -------
    DataFrame
        Columns of ``LLM_DESCRIPTIONS``.
    """
    read = {feature: read_answer(of.text, described.concepts) for feature, of in answers.items()}
    features, describer = list(read), described.describer
    own = described.descriptions.set_index("feature")["rule"].reindex(features)
    theirs = predictions(describer.test, [answer.rule for answer in read.values()])
    ours = predictions(
        describer.test, [from_json(rule) if isinstance(rule, str) else () for rule in own]
    )
    activations = describer.activations(described.codes, describer.test)[:, features]
    scores = score_rules(describer.scored_proteins, activations, theirs)
    compared = compare_rules(describer.scored_proteins, activations, theirs, ours)
    table = pd.DataFrame([_words(answer) for answer in read.values()])
    has_rule = table["rule"].notna()
    table["n_clusters"] = scores["n_clusters"]
    for name in OF_SCORE:
        table[name] = scores[name].where(has_rule)
    table["q_value"] = benjamini_hochberg(table["p_value"].to_numpy(np.float64))
    table["confidence"] = confidences(table)
    for name, column in _COMPARED.items():
        table[column] = compared[name]
    stamp = described.made_from
    placed = {"model": stamp["model"], "layer": stamp["layer"], "variant": described.variant}
    return table.assign(**placed, feature=features, llm=llm)[LLM_DESCRIPTIONS.names]


def write_llm_rows(described: DescribedLayer, rows: pd.DataFrame) -> str:
    """Write llm_descriptions.parquet in place of an earlier one; returns its path."""
    path = described.folder / LLM_TABLE
    write_table(path, rows, LLM_DESCRIPTIONS, described.made_from)
    return str(path)


def _words(answer: LlmAnswer) -> dict[str, str | None]:
    rule = answer.rule
    return {
        "label": answer.label or None,
        "sentence": answer.sentence or None,
        "problem": answer.problem or None,
        "rule": to_json(rule) if rule else None,
        "needs": (ANNOTATIONS if needs_annotations(rule) else SEQUENCE) if rule else None,
    }


def unanswered(prompts: Mapping[int, Messages], llm: str, log: AnswerLog) -> list[Messages]:
    """Prompts that are still to be asked."""
    return [prompt for prompt in prompts.values() if log.get(llm, prompt) is None]
