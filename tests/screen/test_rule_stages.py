"""Every rule that runs a command has its stage, and every stage a cost."""

import re

from protsae.run.layout import STAGES
from protsae.screen.rule_stages import STAGE_OF, TYPICAL_SECONDS
from tests.helpers.fenced import ROOT


def test_every_rule_with_a_command_is_of_a_stage() -> None:
    found = {}
    for path in (ROOT / "workflow/rules").glob("*.smk"):
        rules = re.findall(
            r"^(?:use rule \w+ as |rule )(\w+)(?: with)?:\n((?:    .*\n|\n)+)",
            path.read_text(),
            re.M,
        )
        for rule, body in rules:
            if log := re.search(r'"<results>/logs/(\w+)', body):
                found[rule] = log[1]
    assert found == STAGE_OF
    assert set(STAGE_OF.values()) == STAGES.keys() == TYPICAL_SECONDS.keys()
