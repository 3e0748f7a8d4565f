"""Checkpoints: named arrays in one file, without pickle."""

import zipfile
from pathlib import Path

import numpy as np

from simulator.world.draws import Array

_EPOCH = (1980, 1, 1, 0, 0, 0)


def checkpoint_of(folder: Path, block: int) -> Path:
    """File of a block's checkpoint in a simulated folder."""
    return folder / "checkpoint" / f"block-{block:05d}.npz"


def save_arrays(path: Path, arrays: dict[str, Array]) -> None:
    """Write arrays to a file; an interruption leaves the old one. Equal arrays give equal bytes.

    Parameters
    ----------
    path : Path
        File to create, ``.npz``; `numpy.load` reads it.
    arrays : dict of str to array
        Numbers; the names may contain slashes.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as stored:
        for name, values in arrays.items():
            with stored.open(
                zipfile.ZipInfo(f"{name}.npy", _EPOCH), "w", force_zip64=True
            ) as stream:
                np.lib.format.write_array(stream, np.ascontiguousarray(values), allow_pickle=False)
    part.replace(path)


def read_arrays(path: Path) -> dict[str, Array]:
    """Read a file of `save_arrays`."""
    with np.load(path, allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}
