"""Edits as a person writes them, and what is said of those that cannot be read."""

import re

import pytest

from protsae.errors import UserError
from protsae.interventions.intervention_text import (
    Amount,
    Coordinates,
    DirectionFile,
    WrittenEdit,
    parse_edit,
    parse_residues,
)

ONE = ("6/topk/246",)


@pytest.mark.parametrize(
    ("text", "edit"),
    [
        ("6/topk/246:ablate", WrittenEdit("", ONE, "ablate", Amount(0.0))),
        ("6/topk/246:scale=0.5", WrittenEdit("", ONE, "scale", Amount(0.5))),
        ("6/topk/246:scale=0", WrittenEdit("", ONE, "scale", Amount(0.0))),
        ("6/topk/246:add=-4", WrittenEdit("", ONE, "add", Amount(-4.0))),
        ("6/topk/246:clamp=q0.5", WrittenEdit("", ONE, "clamp", Amount(1.0, 0.5))),
        ("6/topk/246:clamp=2.5q.9", WrittenEdit("", ONE, "clamp", Amount(2.5, 0.9))),
        (
            "6/topk/246:clamp=2q0.9@10-20,35",
            WrittenEdit("", ONE, "clamp", Amount(2.0, 0.9), ((10, 20), (35, 35))),
        ),
        (
            "6/topk/246:ablate@active",
            WrittenEdit("", ONE, "ablate", Amount(0.0), where_active=True),
        ),
        (
            "6/topk/246:ablate@DOMAIN: 6-Cys",
            WrittenEdit("", ONE, "ablate", Amount(0.0), concept="DOMAIN: 6-Cys"),
        ),
        (
            "esm2-permuted-mlp_out/3/a b/7,11:ablate",
            WrittenEdit(
                "", ("esm2-permuted-mlp_out/3/a b/7", "esm2-permuted-mlp_out/3/a b/11"), "ablate",
                Amount(0.0),
            ),
        ),
        (
            "6/coordinate/17:add=2@10-20",
            WrittenEdit(
                "", (), "add", Amount(2.0), ((10, 20),), along=Coordinates("6", (17,))
            ),
        ),
        (
            "esm2-mlp_hidden/3/coordinate/7,011:clamp=-1@active",
            WrittenEdit(
                "", (), "clamp", Amount(-1.0), where_active=True,
                along=Coordinates("esm2-mlp_hidden/3", (7, 11)),
            ),
        ),
        (
            "6/direction=helix.npy:add=1.5@SIGNAL",
            WrittenEdit(
                "", (), "add", Amount(1.5), concept="SIGNAL", along=DirectionFile("6", "helix.npy")
            ),
        ),
        (
            "esm2-permuted/3/direction=/my files/6/topk/1.tsv:scale=-1",
            WrittenEdit(
                "", (), "scale", Amount(-1.0),
                along=DirectionFile("esm2-permuted/3", "/my files/6/topk/1.tsv"),
            ),
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_every_part_is_read(text: str, edit: WrittenEdit) -> None:
    found = parse_edit(text)
    assert found.text == text
    assert vars(found) | {"text": ""} == vars(edit)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no edit; expected FEATURE:ACTION[=AMOUNT][@WHERE]"),
        ("6/topk/246", "no edit; expected FEATURE:ACTION[=AMOUNT][@WHERE]"),
        ("6/topk:ablate", "no edit; expected FEATURE:ACTION[=AMOUNT][@WHERE]"),
        ("6/topk/1,x:ablate", "no edit; expected FEATURE:ACTION[=AMOUNT][@WHERE]"),
        ("6/topk/1,01:ablate", "feature 1 is named twice; expected each feature once"),
        ("6/topk/1:boost=2", "action 'boost'; expected one of ablate, clamp, scale, add"),
        ("6/topk/1:ablate=2", "ablate with the amount '2'; expected none: it sets 0"),
        ("6/topk/1:scale", "scale without an amount; expected a number"),
        ("6/topk/1:scale=2q0.9", "amount '2q0.9'; expected a number"),
        (
            "6/topk/1:clamp=much",
            "amount 'much'; expected a number, or 2q0.9 (2 x the 0.9 quantile)",
        ),
        ("6/topk/1:clamp=nan", "amount 'nan'; expected a number, or 2q0.9 (2 x the 0.9 quantile)"),
        ("6/topk/1:add=inf", "amount 'inf'; expected a number, or 2q0.9 (2 x the 0.9 quantile)"),
        ("6/topk/1:clamp=2q1.0", "quantile 1.0; expected one above 0 and below 1"),
        ("6/topk/1:clamp=2q0", "quantile 0; expected one above 0 and below 1"),
        (
            "6/topk/1:clamp=-2",
            "clamp by a negative amount, -2; expected 0 or more, as activations are never "
            "negative; add takes negative numbers",
        ),
        ("6/coordinate:ablate", "no edit; expected FEATURE:ACTION[=AMOUNT][@WHERE]"),
        ("6/direction:add=1", "no edit; expected FEATURE:ACTION[=AMOUNT][@WHERE]"),
        ("direction=helix.npy:add=1", "no edit; expected FEATURE:ACTION[=AMOUNT][@WHERE]"),
        ("6/coordinate/4,4:ablate", "coordinate 4 is named twice; expected each coordinate once"),
        ("6/coordinate/4:add=2q0.9", "amount '2q0.9'; expected a number"),
        ("6/direction=helix.npy:clamp", "clamp without an amount; expected a number"),
        ("6/topk/1:ablate@", "nothing after @; expected residues, 'active' or a concept"),
    ],
)
def test_what_cannot_be_read_is_said_in_one_line(text: str, said: str) -> None:
    line = f"--edit {text}: {said}; such as 6/topk/246:clamp=2q0.9@10-20,35"
    with pytest.raises(UserError, match=f"^{re.escape(line)}$"):
        parse_edit(text)


@pytest.mark.parametrize("residues", ["0-3", "5-4", "1,", "1-2-3", "1;2", "7x"])
def test_residues_go_from_first_to_last(residues: str) -> None:
    line = (
        f"--edit 6/topk/1:ablate@{residues}: residues {residues!r}; expected positions from 1 on, "
        "first to last, such as 10-20,35"
    )
    with pytest.raises(UserError, match=f"^{re.escape(line)}$"):
        parse_edit(f"6/topk/1:ablate@{residues}")


def test_overlapping_residues_are_their_union() -> None:
    assert parse_residues("3-7,5,1-1", "--keep") == ((3, 7), (5, 5), (1, 1))
