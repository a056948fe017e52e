"""Attribute files of ChimeraX (.defattr), which give residues of an open structure numbers.

References
----------
www.cgl.ucsf.edu/chimerax/docs/user/formats/defattr.html, and atomspec.html beside it.
"""

import re
from collections.abc import Iterable

_NO_WORD = re.compile(r"[^A-Za-z0-9_]")


def attribute_name(text: str) -> str:
    """Letters, digits and underscores, beginning with a letter.

    Examples
    --------
    >>> attribute_name("6/topk/246")
    'protsae_6_topk_246'
    """
    return "protsae_" + _NO_WORD.sub("_", text)


def residue_spec(chain: str, number: int, code: str) -> str:
    """A residue as ChimeraX names it; of any chain, if its chain has no name.

    Parameters
    ----------
    code : str
        Its insertion code, a blank if there is none.

    Examples
    --------
    >>> residue_spec("A", 52, "B"), residue_spec(" ", -3, " ")
    ('/A:52B', ':-3')
    """
    of_chain = f"/{chain}" if chain.strip() else ""
    return f"{of_chain}:{number}{code.strip()}"


def attribute_lines(name: str, told: str, values: Iterable[tuple[str, float]]) -> list[str]:
    """An attribute of residues, with a comment before it.

    Parameters
    ----------
    name : str
        Of `attribute_name`.
    told : str
        The comment, in one line.
    values : iterable of (str, float)
        `residue_spec` and number.

    Examples
    --------
    >>> for line in attribute_lines("protsae_6_topk_2", "SIGNAL", [("/A:12", 0.5)]):
    ...     print(repr(line))
    '# SIGNAL'
    'attribute: protsae_6_topk_2'
    'match mode: non-zero'
    'recipient: residues'
    '\\t/A:12\\t0.5000'
    """
    head = [f"# {told}", f"attribute: {name}", "match mode: non-zero", "recipient: residues"]
    # With a point, so that ChimeraX does not take a whole number for an attribute of integers.
    return head + [f"\t{spec}\t{value:.4f}" for spec, value in values]
