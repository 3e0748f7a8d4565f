"""Facts about stored entities in words: what is known of them and out of the ordinary."""

from collections.abc import Sequence
from datetime import UTC

import numpy as np

from features.contracts.vocabulary import BILLING_TYPES
from features.fields import VIEWS
from features.online.service import OnlineService
from features.views.declaration import DRIVERS, Feature
from holdfast.arrays import Floats, Times
from models.score_set import Purpose
from models.words.catalogue import words
from models.words.sentence import is_as_it_should_be, sentence
from serving.contract.customers import Fact

_LINE_KIND = "billing_type_code"
_BARS_MARKETING = frozenset({"traffic", "location", "special"})
"""Classes of data that need a consent of their own in marketing; what a person has consented to is not
asked here.
"""


def facts_of(
    service: OnlineService, ids: Sequence[str], language: str, purpose: Purpose
) -> dict[str, list[Fact]]:
    """Facts about entities, by driver; one for each reason that features share.

    Parameters
    ----------
    service : OnlineService
        A feature service of the operator.
    ids : sequence of str
        Its entities.
    language : str
        A language that there are words in.
    purpose : {"service", "marketing"}
        What they are for. For marketing, nothing from traffic, location or special data is told.

    Returns
    -------
    dict of str to list of Fact
        By entity, without those that the service does not hold.

    Raises
    ------
    ModelError
        The online store does not answer.
    """
    matrix, times = service.reader.read(ids)
    features = [
        (place, feature)
        for place, view in enumerate(service.views)
        for feature in _catalogued(view.name, view.columns)
    ]
    barred = frozenset[str]() if purpose == "service" else _BARS_MARKETING
    return {
        one: _facts(features, matrix[row], times[row], language, barred)
        for row, one in enumerate(ids)
        if not np.isnat(times[row, 0])
    }


def _catalogued(view: str, columns: Sequence[str]) -> list[Feature]:
    by_name = {feature.name: feature for feature in VIEWS[view].features}
    return [by_name[name] for name in columns]


def _facts(
    features: Sequence[tuple[int, Feature]],
    values: Floats,
    times: Times,
    language: str,
    barred: frozenset[str],
) -> list[Fact]:
    row = {feature.name: float(value) for (_, feature), value in zip(features, values, strict=True)}
    by_name = {feature.name: (place, feature) for place, feature in features}
    catalogue = words(language)
    kind = row.get(_LINE_KIND, np.nan)
    told: dict[str, Fact] = {}
    for _, feature in features:
        value = row[feature.name]
        applies = np.isnan(kind) or BILLING_TYPES[int(kind)] in feature.lines
        if np.isnan(value) or not applies or feature.reason in told:
            continue
        worded = sentence(feature.name, row, catalogue)
        if worded is None or is_as_it_should_be(feature.name, value):
            continue
        # The words may be about a related feature that says the same more plainly.
        place, shown = by_name[worded.feature]
        if {feature.data_class, shown.data_class} & barred:
            continue
        told[feature.reason] = {
            "driver": shown.driver,
            "feature": shown.name,
            "text": worded.text,
            "value": row[shown.name],
            "unit": shown.unit,
            "time": times[place].item().replace(tzinfo=UTC).isoformat(),
        }
    return sorted(told.values(), key=lambda fact: DRIVERS.index(fact["driver"]))
