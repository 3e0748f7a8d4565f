"""Scores of all customers of a flat table, from the champion and from out-of-fold models."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import pyarrow as pa

from features.flat.customers import CustomerTable
from holdfast.arrays import Floats
from models.bands import Bands
from models.scorer import Scorer, Scores
from training.flat.model import FlatModel


@dataclass(frozen=True, kw_only=True)
class CustomerScores:
    """Scores of the n customers of a table.

    Parameters
    ----------
    champion : Scores
        The scores that serving returns.
    probability_oof : (n,) float64
        Out-of-fold probability; NaN where the label is not known or the row was never evaluated.
    band_oof : (n,) str
        Its band; empty where NaN.
    probability, band : (n,) float64, (n,) str
        The scores to act on: out of fold where the label is known, because the champion was fitted
        on it; the champion's elsewhere. NaN and empty where a row with a known label was never
        evaluated.
    """

    champion: Scores
    probability_oof: Floats
    band_oof: Bands
    probability: Floats
    band: Bands

    @classmethod
    def of(cls, customers: CustomerTable, matrix: Floats, training: FlatModel) -> Self:
        """Score all customers of a table.

        Parameters
        ----------
        customers : CustomerTable
            The table, with n rows.
        matrix : (n, k) float64
            Their features, in the model's order.
        training : FlatModel
            Champion and out-of-fold predictions.
        """
        champion = Scorer(training.model, threads=0).score(matrix)
        probability_oof = np.full(len(matrix), np.nan)
        probability_oof[customers.known] = training.out_of_fold.probability
        band_oof = training.model.main.bands.assign(probability_oof)
        return cls(
            champion=champion,
            probability_oof=probability_oof,
            band_oof=band_oof,
            probability=np.where(customers.known, probability_oof, champion.probability),
            band=np.where(customers.known, band_oof, champion.band),
        )

    def to_table(self, customers: CustomerTable, model: str, version: str) -> pa.Table:
        """Scores as they are stored: one row per customer, null where NaN or empty.

        Model, version and table are in the metadata.
        """
        return pa.table(
            {
                "customer_id": pa.array(customers.ids, pa.string()),
                "probability": pa.array(self.champion.probability),
                "band": pa.array(self.champion.band.tolist()),
                "probability_oof": pa.array(self.probability_oof, from_pandas=True),
                "band_oof": pa.array(
                    [band or None for band in self.band_oof.tolist()], pa.string()
                ),
            },
            metadata={
                "model_name": model,
                "model_version": version,
                "table_sha256": customers.sha256,
            },
        )
