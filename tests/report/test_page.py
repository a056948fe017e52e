"""The page: what it says of the tiny run, and that it needs and trusts nothing from outside."""

import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from markupsafe import escape

from protsae.association.scoring.metrics import always_on_f1
from protsae.concepts.label_sets import LabelSet
from protsae.errors import UserError
from protsae.report.page import render_page
from protsae.report.page_data import read_page_data
from protsae.report.ranking import add_margin, best_features, concept_by_layer
from protsae.report.sections.concept_residues import ConceptResidues
from protsae.screen.run_findings import finding_lines
from tests.helpers.run_folder import (
    ANNOTATIONS,
    HOSTILE,
    MODEL,
    PROTEINS,
    joined_feature_rows,
    write_run,
)
from tests.helpers.stored_tables import load, store


class Elements(HTMLParser):
    """Tags and attributes of a document, and whether each opened element closes."""

    VOID = frozenset({"meta", "br", "input", "link", "img"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> closes another element"


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_run(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def page(results: Path) -> str:
    return render_page(read_page_data(results, 12))


def test_loads_nothing_from_elsewhere(page: str) -> None:
    elements = Elements(page)
    assert not elements.open
    for tag, attributes in elements.found:
        assert tag not in ("link", "img", "iframe", "object", "embed", "base")
        assert "src" not in attributes
        target = attributes.get("href") or "#"
        assert target.startswith("#") or (
            tag == "a" and target.startswith("https://www.uniprot.org/uniprotkb/")
        )
    assert "@import" not in page
    assert not re.search(r"url\((?!#)", page)


def test_links_within_the_page_have_targets_and_ids_are_unique(page: str) -> None:
    ids = [attributes["id"] for _, attributes in Elements(page).found if "id" in attributes]
    assert len(ids) == len(set(ids))
    targets = {a["href"] for tag, a in Elements(page).found if tag == "a" and a.get("href")}
    assert {t.removeprefix("#") for t in targets if t and t.startswith("#")} <= set(ids)


def test_hostile_text_stays_text(page: str) -> None:
    assert HOSTILE not in page
    assert page.count("<script") == 1
    assert "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; &#34;co&#34;" in page


def test_same_run_same_bytes(results: Path, page: str) -> None:
    assert render_page(read_page_data(results, 12)) == page


def test_numbers_of_the_run(page: str) -> None:
    for text in (
        "3 kept of 5 read",
        "shorter: 2",
        "CHAIN: 7",
        "Annotations without exact ends",
        "SIGNAL: 1",
        "mine.json",
        "abababababab…",
        f"{MODEL}: 1, 2",
        "proteins fetched by 0.0.9",
        "<td>1</td><td>13</td><td>1</td>",  # test: P00001
    ):
        assert text in page, text


def test_residues_with_the_concept_are_marked(page: str) -> None:
    # Feature 0 detects SIGNAL, residues 1-5 of P00001; the window is 1-6, the peak 2.
    assert (
        '<i>1</i><b class="a2 p" title="M1 1">M</b><b class="a8 p k" title="K2 4">K</b>'
        '<b class="a4 p" title="L3 2">L</b><b class="a4 p" title="C4 2">C</b>'
        '<b class="a0 p" title="A5">A</b><b class="a0" title="W6">W</b></span>'
    ) in page
    assert "this protein is not annotated with the concept" in page  # P00003 has no SIGNAL


@pytest.mark.usefixtures("without_figures")
def test_each_layer_has_a_section_and_fewer_features_can_be_asked_for(results: Path) -> None:
    page = render_page(read_page_data(results, 1))
    cards = [a for _, a in Elements(page).found if a.get("class") == "card"]
    assert len(cards) == 3  # one per layer
    for name in ("One-hot", "Layer 1", "Layer 2"):
        assert f">{name}</h2>" in page


def test_cards_name_the_kind(page: str) -> None:
    assert "relu, feature 0: point; 1 more with this concept" in page
    assert "point; in 50 % of proteins, on 10 % of their residues, in segments of 1<" in page


def test_cards_show_the_rule_beside_the_coordinate(page: str) -> None:
    assert "</span> coordinate 0.50, rule 0.45<br>" in page
    assert "<dt>rule: residues 1–5</dt><dd>0.45</dd>" in page  # noqa: RUF001
    cards = [card for card in page.split("<details")[1:] if '"concept">residue: C<' in card]
    assert len(cards) == 3  # one for each layer
    for card in cards:
        assert "rule 1.00" in card
        assert '<span class="verdict no">defined by the sequence</span>' in card


def test_cards_and_summary_say_what_scores_rest_on(page: str) -> None:
    """SIGNAL has a base rate of 0.25, in the reference of 0.125."""
    for text in (
        "25 % of test residues have it",
        "F1 0.50 where 12.5 % of residues have it, as in the reference set, by the same recall and "
        "false-positive rate",
        "AUROC at equal distance from the N-terminus</dt><dd>0.75",
        "dead on 20 residues",
        "loss recovered, 0 = amino-acid frequencies",
    ):
        assert text in page, text


@pytest.mark.usefixtures("without_figures")
def test_reads_only_the_files_it_shows(tmp_path: Path) -> None:
    write_run(tmp_path)
    stray = tmp_path / "sae" / MODEL / "layer-09" / "relu" / "evaluation.json"
    stray.parent.mkdir(parents=True)
    stray.write_text("not JSON")
    render_page(read_page_data(tmp_path, 3))


def test_window_beyond_the_protein(tmp_path: Path) -> None:
    path = write_run(tmp_path) / "annotation" / MODEL / "layer-01" / "examples.parquet"
    store(path, load(path).assign(start=9, end=14, peak=9), {})
    with pytest.raises(UserError, match="residues 9-14 of P00001 do not fit its 13 residues"):
        render_page(read_page_data(tmp_path, 12))


def test_unknown_protein(tmp_path: Path) -> None:
    path = write_run(tmp_path) / "annotation" / MODEL / "layer-01" / "examples.parquet"
    store(path, load(path).assign(accession="P99999"), {})
    with pytest.raises(UserError, match=r"proteins\.parquet: no protein 'P99999'"):
        read_page_data(tmp_path, 12)


def test_margin_is_above_the_strongest_baseline() -> None:
    scored = add_margin(joined_feature_rows(MODEL, 1)).head(3)
    assert scored["feature"].tolist() == [0, 1, 3]
    # coordinate, coordinate, coordinate: 0.8 - 0.5, 0.9 - 0.75, 0.4 - 0.3
    assert scored["margin"].round(9).tolist() == [0.3, 0.15, 0.1]
    assert scored["above"].tolist() == [True, False, False]
    always_on = always_on_f1(scored["base_rate"].to_numpy())
    assert scored["always_on_f1"].tolist() == always_on.tolist()


def test_best_features_one_per_concept_uniprot_first() -> None:
    best = best_features(joined_feature_rows(MODEL, 1), 12)
    assert best["feature"].tolist() == [0, 3, 1]
    assert best["n_alike"].tolist() == [2, 2, 2]  # two variants
    # The first places go to UniProt concepts, though residue: C has a higher margin than 3.
    assert best_features(joined_feature_rows(MODEL, 1), 1)["feature"].tolist() == [0]


def test_features_that_are_not_called_come_after_those_that_are() -> None:
    """Whatever their margin: the first card of a page is no chance finding."""
    rows = joined_feature_rows(MODEL, 1)
    first = rows[rows["concept"] == "SIGNAL"].iloc[[0]].assign(verdict=None)
    chance = first.assign(feature=99, concept="PROPEP", f1=1.0, valid_f1=0.9, q_value=0.2)
    assert best_features(pd.concat([chance, first]), 5)["concept"].tolist() == ["SIGNAL", "PROPEP"]


def test_representative_is_chosen_on_valid_not_on_test() -> None:
    rows = joined_feature_rows(MODEL, 1).head(1)
    lucky = rows.assign(feature=7, valid_f1=0.2, f1=1.0)
    assert best_features(pd.concat([lucky, rows]), 5)["feature"].tolist() == [0]


def test_concepts_by_layer() -> None:
    rows = pd.concat(
        [joined_feature_rows("onehot", 0), joined_feature_rows(MODEL, 2).assign(f1=0.05)]
    )
    found = concept_by_layer(rows, 24)
    assert [table["concept"].iloc[0] for table in found] == [
        "SIGNAL",
        f"BINDING: {HOSTILE}",
        "residue: C",
    ]
    assert found[0]["layer"].tolist() == [0, 2]
    assert concept_by_layer(joined_feature_rows(MODEL, 1).assign(f1=0.09), 24) == []


def test_positions_of_label_files() -> None:
    codes = {"P00001": np.array([0, 1, 1, 2, *[0] * 9], np.uint8)}
    labels = LabelSet("topology", ("TMH", "outside"), "OPM", codes)
    residues = ConceptResidues(PROTEINS, ANNOTATIONS, [labels])
    assert residues.positions("P00001", "topology: TMH") == {2, 3}
    assert residues.positions("P00001", "topology: outside") == {4}
    assert residues.positions("P00002", "topology: TMH") is None, "it has no labels"
    assert ConceptResidues(PROTEINS, ANNOTATIONS).positions("P00001", "topology: TMH") is None


def test_positions_follow_the_rules_of_scoring() -> None:
    residues = ConceptResidues(PROTEINS, ANNOTATIONS)
    assert residues.positions("P00001", "SIGNAL") == {1, 2, 3, 4, 5}
    assert residues.positions("P00002", "DISULFID") == {3, 9}
    assert residues.positions("P00002", f"BINDING: {HOSTILE}") == {3, 4}
    assert residues.positions("P00001", "residue: C") == {4, 7}
    assert residues.positions("P00003", "SIGNAL") == set()


def test_the_page_begins_with_what_was_found(page: str, tmp_path: Path) -> None:
    """In the words of the screen."""
    run = read_page_data(write_run(tmp_path), 3)
    lines = finding_lines(run.features, run.best_features, run.detectors)
    assert f'<pre class="found" tabindex="0">{escape(chr(10).join(lines))}</pre>' in page
    assert page.index('id="found"') < page.index('id="run"')
