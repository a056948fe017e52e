"""Where rules hold on the residues of some proteins."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from protsae.descriptions.described_rows import DescribedRows
from protsae.descriptions.protein_sums import Predictions
from protsae.descriptions.rule_search import rule_rows
from protsae.descriptions.terms import Terms, needs_annotations


def predictions(own: DescribedRows, rules: Sequence[Terms]) -> Predictions:
    """What the rule of each feature predicts; nothing for those without terms."""
    place = {term: i for i, term in enumerate(dict.fromkeys(t for rule in rules for t in rule))}
    held = own.all_terms(list(place))
    nowhere = np.zeros(0, dtype=np.int64)
    rows = [
        rule_rows(held, tuple(place[term] for term in rule)) if rule else nowhere for rule in rules
    ]
    known = [own.is_known(rule) if needs_annotations(rule) else None for rule in rules]
    times = Counter(rules)
    same = np.array([times[rule] if rule else 0 for rule in rules])
    return Predictions(rows, [None if each is None or each.all() else each for each in known], same)
