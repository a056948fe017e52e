"""Where links and redirects may lead."""

import pytest

from protsae.io.http.origins import Origin

HERE = Origin.of("https://rest.uniprot.org")
BASE = "https://rest.uniprot.org/uniprotkb/search?query=a"


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("https://rest.uniprot.org/uniprotkb/search?cursor=1%20a&b=c#d", "cursor=1%20a&b=c"),
        ("https://REST.uniprot.org:443/uniprotkb/search?x", "x"),
        ("/uniprotkb/search?x", "x"),
        ("?x", "x"),
        ("//rest.uniprot.org/uniprotkb/search?x", "x"),
        ("search?x", "x"),
        ("?next=http://evil.org", "next=http://evil.org"),
    ],
)
def test_what_stays_here(target, path):
    assert HERE.address(BASE, target) == f"https://rest.uniprot.org/uniprotkb/search?{path}"


@pytest.mark.parametrize(
    ("target", "found"),
    [
        ("http://rest.uniprot.org/x", "http://rest.uniprot.org"),
        ("https://rest.uniprot.org:8443/x", "https://rest.uniprot.org:8443"),
        ("https://rest.uniprot.org.evil.org/", "https://rest.uniprot.org.evil.org"),
        ("https://rest.uniprot.org./", "https://rest.uniprot.org."),
        ("//evil.org/x", "https://evil.org"),
        ("https://[::1]/", "https://[::1]"),
        ("https://rest.uniprot.org@evil.org/", "'https://rest.uniprot.org@evil.org/'"),
        ("https://me:pw@rest.uniprot.org/", "'https://me:pw@rest.uniprot.org/'"),
        (r"https://rest.uniprot.org\@evil.org/", r"'https://rest.uniprot.org\\@evil.org/'"),
        ("https://rest.uniprot.org:99999/", "'https://rest.uniprot.org:99999/'"),
        ("https://rest.uniprot.org:/", "'https://rest.uniprot.org:/'"),
        ("https://[evil/", "'https://[evil/'"),
        ("https://r\u0435st.uniprot.org/", "'https://r\u0435st.uniprot.org/'"),
        ("file:///etc/passwd", "'file:///etc/passwd'"),
        ("data:,x", "'data:,x'"),
    ],
)
def test_what_leads_elsewhere(target, found):
    with pytest.raises(ValueError, match=r".") as error:
        HERE.address(BASE, target)
    assert str(error.value) == found


def test_the_address_is_built_anew():
    assert HERE.address(BASE, "https://rest.uniprot.org//evil.org") == (
        "https://rest.uniprot.org//evil.org"
    )
    local = Origin.of("http://127.0.0.1:8080/api/")
    assert local.address("http://127.0.0.1:8080/api/x", "y") == "http://127.0.0.1:8080/api/y"
    assert str(local) == "http://127.0.0.1:8080"
