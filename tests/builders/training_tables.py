"""Labelled rows as fitting takes them, with a risk that is known."""

import numpy as np

from training.fitting.fit import TrainingTable


def training_table(rows: int, seed: int = 1, weighted: bool = True) -> TrainingTable:
    """Rows whose risk rises with the first feature, and with the second away from 0; the last is a
    category.
    """
    random = np.random.default_rng(seed)
    matrix = random.normal(size=(rows, 4))
    matrix[:, 3] = random.integers(0, 3, rows)
    rate = 1 / (1 + np.exp(-(matrix[:, 0] + 0.5 * np.abs(matrix[:, 1]) - 1)))
    return TrainingTable(
        matrix=matrix,
        label=(random.random(rows) < rate).astype(float),
        group=None,
        features=("a", "b", "c", "d"),
        categorical=(3,),
        weight=random.choice([0.5, 3.0], rows) if weighted else None,
    )
