"""Attributes of HDF5 files, kept where HDF5 has a checksum of them.

Text of variable length lies in HDF5's global heap, which has no checksum, and HDF5 walks a damaged
one for ever. So text is written with a fixed length, and what has a variable one is never read.
"""

import h5py
import numpy as np


def write_text(item: h5py.HLObject, name: str, text: str) -> None:
    """Store text with a fixed length, in UTF-8."""
    encoded = text.encode()
    item.attrs[name] = np.array(encoded, dtype=f"S{max(1, len(encoded))}")


def read_attribute(item: h5py.HLObject, name: str) -> object:
    """The value of an attribute, text as str; None without it, or if its length is variable."""
    if name not in item.attrs or _is_variable(item, name):
        return None
    value = item.attrs[name]
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def read_attributes(item: h5py.HLObject) -> dict[str, object]:
    """All attributes whose length is fixed, by name, sorted."""
    found = {name: read_attribute(item, name) for name in sorted(item.attrs)}
    return {name: value for name, value in found.items() if value is not None}


def _is_variable(item: h5py.HLObject, name: str) -> bool:
    kind = item.attrs.get_id(name).get_type()
    is_text = isinstance(kind, h5py.h5t.TypeStringID)
    return isinstance(kind, h5py.h5t.TypeVlenID) or (is_text and kind.is_variable_str())
