"""What a server is called in messages, and which of its refusals may pass."""

from dataclasses import dataclass, field

# Firewalls and gateways answer 403, 408, 409 and 425 now and then, and 520 to 530 are a gateway's
# own; the three left out of the 5xx do not change by themselves.
PASSING = frozenset({403, 408, 409, 425, 429, *range(500, 600)} - {501, 505, 511})


@dataclass(frozen=True)
class Service:
    """What is asked, in the words of messages.

    Attributes
    ----------
    name : str
        Of the service: ``UniProt``.
    setting : str
        What its address was given by: ``fetch.api``.
    example : str
        Such an address.
    answer, expected : str
        What one answer is called, and what is expected of one that is too large.
    passing : frozenset of int
        HTTP statuses that may be gone when the request is repeated.
    """

    name: str
    setting: str
    example: str
    answer: str
    expected: str
    passing: frozenset[int] = field(default=PASSING)


UNIPROT = Service(
    "UniProt", "fetch.api", "https://rest.uniprot.org", "page", "a page of 500 proteins"
)
