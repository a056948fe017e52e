"""What figures and the page call the layers of a run."""

from collections.abc import Sequence

from protsae.config.reserved_names import ONEHOT, is_permuted, model_of, site_of


def layer_names(places: Sequence[tuple[str, int]]) -> list[str]:
    """A name for each (model, layer); with the model only if the run has several.

    Examples
    --------
    >>> layer_names([("onehot", 0), ("esm2_x", 3), ("esm2_x-permuted", 3)])
    ['one-hot', 'layer 3', 'permuted layer 3']
    >>> layer_names([("esm2_x", 3), ("esm2_y", 3)])
    ['esm2_x layer 3', 'esm2_y layer 3']
    >>> layer_names([("esm2_x", 3), ("esm2_x-mlp_out", 3), ("esm2_x-permuted-mlp_out", 3)])
    ['layer 3', 'layer 3 mlp_out', 'permuted layer 3 mlp_out']
    """
    trained = {model_of(model) for model, _ in places if model != ONEHOT and not is_permuted(model)}

    def name(model: str, layer: int) -> str:
        if model == ONEHOT:
            return "one-hot"
        if len(trained) > 1:
            return f"{model} layer {layer}"
        site = f" {site_of(model)}" if site_of(model) else ""
        return f"{'permuted ' * is_permuted(model)}layer {layer}{site}"

    return [name(model, layer) for model, layer in places]


def tick_labels(places: Sequence[tuple[str, int]]) -> list[str]:
    r"""The same, short enough to stand below an axis of layers.

    Examples
    --------
    >>> tick_labels([("onehot", 0), ("esm2_x", 3), ("esm2_x-permuted", 3)])
    ['one-hot', '3', 'perm\n3']
    """
    names = layer_names(places)
    return [name.replace("layer ", "").replace("permuted ", "perm\n") for name in names]


def shortened(name: str, most: int) -> str:
    """At most so many characters, the last an ellipsis where some are left out.

    Examples
    --------
    >>> shortened("CARBOHYD: N-linked (GlcNAc...)", 15), shortened("HELIX", 15)
    ('CARBOHYD: N-li…', 'HELIX')
    """
    return name if len(name) <= most else name[: most - 1] + "…"
