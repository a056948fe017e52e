"""Where in ESM-2 activations are read and replaced: after a block, or inside of one."""

from dataclasses import dataclass
from typing import Literal, get_args

from protsae.config.reserved_names import site_of

Site = Literal["attention", "mlp_in", "mlp_hidden", "mlp_out"]


@dataclass(frozen=True, order=True)
class Inside:
    """A place inside of a block.

    Attributes
    ----------
    layer : int
        Number of the block, from 1 on: the layer that it ends in.
    site : str
        ``attention``: what attention adds to the residual stream; ``mlp_in``: what the MLP reads,
        the stream after attention and a layer norm; ``mlp_hidden``: the MLP's neurons, after the
        activation function; ``mlp_out``: what the MLP adds to the stream.

    Examples
    --------
    >>> str(Inside(3, "mlp_out"))
    '3, mlp_out'
    """

    layer: int
    site: Site

    def __str__(self) -> str:
        return f"{self.layer}, {self.site}"


Place = int | Inside
"""A layer by its number (the residual stream), or a place inside of a block."""


def layer_of(place: Place) -> int:
    """Number of the layer of a place.

    Examples
    --------
    >>> layer_of(3), layer_of(Inside(3, "attention"))
    (3, 3)
    """
    return place.layer if isinstance(place, Inside) else place


def named_place(model: str, layer: int) -> Place:
    """The place of activations by the name of their model, which may end in a site.

    Examples
    --------
    >>> named_place("esm2_tiny", 3), named_place("esm2_tiny-permuted-mlp_out", 3)
    (3, Inside(layer=3, site='mlp_out'))
    """
    sites: tuple[Site, ...] = get_args(Site)
    of_name = [Inside(layer, site) for site in sites if site == site_of(model)]
    return of_name[0] if of_name else layer
