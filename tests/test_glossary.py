"""One idea has one word: docs/glossary.md, and the texts that keep to it."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from protsae.cli import parser_of
from protsae.commands import COMMANDS
from protsae.config import sae_settings, stage_settings
from protsae.config.section import Settings
from protsae.config.settings import Config
from protsae.provenance import PACKAGE_ROOT
from protsae.schema.every_table import EVERY
from protsae.schema.saes.evaluation_tables import EVALUATION
from protsae.schema.table import Table
from tests.helpers.fenced import ROOT

GLOSSARY = (ROOT / "docs" / "glossary.md").read_text()

DOCUMENTS = (
    *("README.md", "CONTRIBUTING.md"),
    *(
        "docs/architecture.md",
        "docs/cluster.md",
        "docs/compare.md",
        "docs/export.md",
        "docs/faq.md",
        "docs/glossary.md",
    ),
    *(
        "docs/findings.md",
        "docs/guide.md",
        "docs/interventions.md",
        "docs/variants.md",
        "docs/labels.md",
        "docs/model_and_gpu.md",
    ),
    *("docs/model_card.md", "docs/own_proteins.md", "docs/protein_labels.md"),
    *("docs/python.md", "docs/scores.md", "docs/settings.md", "docs/stages.md", "docs/sweeps.md"),
    *("docs/tables.md", "docs/uniprot_query.md"),
)
"""Documents that keep to the glossary.

Not yet: docs/benchmarks.md, which is long and has figures from earlier runs. CHANGELOG.md says what
names were at the time.
"""

SETTINGS = [
    Config,
    *(
        each
        for module in (stage_settings, sae_settings)
        for each in vars(module).values()
        if isinstance(each, type) and issubclass(each, Settings) and each is not Settings
    ),
]


def entries() -> dict[str, list[str]]:
    """The terms of the glossary in lower case, each with the words that are not used for it."""
    found = re.findall(r"^## ([^\n]+)\n\n(.*?)(?=^## |\Z)", GLOSSARY, re.MULTILINE | re.DOTALL)
    terms = {}
    for term, text in found:
        if words := re.search(r"^Not: (.*?)\.$", text, re.MULTILINE | re.DOTALL):
            terms[term.lower()] = [" ".join(word.split()) for word in words[1].split(",")]
    return terms


ENTRIES = entries()
FORBIDDEN = {word: term for term, words in ENTRIES.items() for word in words}

CODE = "|".join(
    (
        *(r"```.*?```", r"`[^`]*`", r"<!--.*?-->"),
        r"\[\w+\]\(#\w+\)",  # a table, in a list of contents
        r"\]\([^)]*\)",
        r"\b\w+\.(?:tsv|parquet|json|yaml|md)\b",
    )
)
"""What is no prose: code, comments, targets of links, names of files."""


def forbidden(text: str) -> list[str]:
    """Words of the text that the glossary does not use, but for those in code and in its terms."""
    prose = re.sub(r"^Not: .*?\.$", "", text, flags=re.MULTILINE | re.DOTALL)
    prose = re.sub(CODE, " ", prose, flags=re.DOTALL)
    for term in (term for term in ENTRIES if " " in term):
        prose = re.sub(_pattern(term), " ", prose, flags=re.IGNORECASE)
    return [
        f"{word!r}, not {found[0]!r}: ...{prose[max(0, found.start() - 40) : found.end() + 40]!r}"
        for bad, word in FORBIDDEN.items()
        for found in re.finditer(_pattern(bad), prose, re.IGNORECASE)
    ]


def _pattern(phrase: str) -> str:
    return r"\b" + r"\s+".join(map(re.escape, phrase.split())) + r"\b"


def test_the_glossary_has_its_terms() -> None:
    assert len(ENTRIES) >= 15
    terms = {"concept", "detector", "permuted model", "homology cluster", "active segment"}
    assert terms <= ENTRIES.keys()
    assert all(words for words in ENTRIES.values())
    assert FORBIDDEN["shuffled weights"] == "permuted model"
    assert FORBIDDEN["random weights"] == "permuted model"  # over the end of a line


@pytest.mark.parametrize(
    ("text", "n"),
    [
        pytest.param("Each property, and its\nfamilies.", 2, id="two"),
        pytest.param("Shuffled\n  Weights", 1, id="any case, over lines"),
        pytest.param("`property` and ```\nproperty\n``` [a](properties.md)", 0, id="code"),
        pytest.param("[properties](#propertiestsv) are in properties.tsv", 0, id="names of files"),
        pytest.param("The family null and the control task.", 0, id="terms"),
        pytest.param("Not: property, family.", 0, id="the list itself"),
        pytest.param("propertyless", 0, id="part of a word"),
    ],
)
def test_words_are_found(text: str, n: int) -> None:
    assert len(forbidden(text)) == n


@pytest.mark.parametrize("document", DOCUMENTS)
def test_documents_keep_to_the_glossary(document: str) -> None:
    assert not forbidden((ROOT / document).read_text())


@pytest.mark.parametrize("table", [*EVERY, EVALUATION], ids=lambda table: table.name)
def test_column_meanings_keep_to_the_glossary(table: Table) -> None:
    texts = [table.rows, *(f"{c.range}: {c.meaning}" for c in table.columns)]
    assert not [found for text in texts for found in forbidden(text)]


@pytest.mark.parametrize("model", SETTINGS, ids=lambda model: model.__name__)
def test_settings_keep_to_the_glossary(model: type[BaseModel]) -> None:
    assert not [found for text in described(model) for found in forbidden(text)]


def described(model: type[BaseModel]) -> Iterator[str]:
    yield model.__doc__ or ""
    for field in model.model_fields.values():
        yield field.description or ""


@pytest.mark.parametrize("name", COMMANDS)
def test_help_keeps_to_the_glossary(name: str) -> None:
    assert not forbidden(COMMANDS[name])
    assert not forbidden(parser_of(name).format_help())


def test_comments_of_the_configuration_keep_to_the_glossary() -> None:
    comments = re.findall(r"#\s*(.*)$", (ROOT / "config.yaml").read_text(), re.MULTILINE)
    assert not forbidden(" ".join(comments))


@pytest.mark.parametrize("path", sorted(PACKAGE_ROOT.rglob("*.html")), ids=lambda path: path.name)
def test_the_report_keeps_to_the_glossary(path: Path) -> None:
    text = re.sub(r"\{[%{].*?[%}]\}|<[^>]+>", " ", path.read_text(), flags=re.DOTALL)
    assert not forbidden(text)


@pytest.mark.parametrize("room", sorted(path.name for path in PACKAGE_ROOT.iterdir()))
def test_code_keeps_to_the_glossary(room: str) -> None:
    """Docstrings and messages: every text in the code that has a blank."""
    path = PACKAGE_ROOT / room
    files = [path] if path.suffix == ".py" else sorted(path.rglob("*.py"))
    found = [
        f"{file.relative_to(PACKAGE_ROOT)}:{node.lineno}: {problem}"
        for file in files
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value
        for problem in forbidden(node.value)
    ]
    assert found == []


def test_columns_keep_to_the_glossary() -> None:
    names = {name for table in EVERY for name in table.names}
    old = re.compile(r"propert|untrained|shuffled|stretch|^run_|lookup|domain_f1")
    assert [name for name in names if old.search(name)] == []
