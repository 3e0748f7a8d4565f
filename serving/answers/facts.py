"""Facts about stored entities in words: what is known of them and out of the ordinary."""

from collections.abc import Mapping, Sequence
from datetime import UTC

import numpy as np

from features.contracts.vocabulary import BILLING_TYPES
from features.fields import FeatureCatalogue
from features.online.service import OnlineService
from features.views.declaration import DRIVERS, Feature
from holdfast.arrays import Floats, Times
from models.score_set import Purpose
from models.words.catalogue import words
from models.words.own import OwnWords
from models.words.sentence import is_as_it_should_be, own_sentence, sentence
from serving.contract.customers import Fact
from serving.served.people import People

_LINE_KIND = "billing_type_code"
_BARS_MARKETING = frozenset({"traffic", "location", "special"})
"""Classes of data that need a consent of their own in marketing; what a person has consented to is not
asked here.
"""


def facts_of(
    service: OnlineService,
    ids: Sequence[str],
    language: str,
    purpose: Purpose,
    people: People,
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
    people : People
        Holds what the home's features are, and the words about its own.

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
        for feature in _catalogued(people.catalogue, view.name, view.columns)
    ]
    barred = frozenset[str]() if purpose == "service" else _BARS_MARKETING
    return {
        one: _facts(features, people.own_words, matrix[row], times[row], language, barred)
        for row, one in enumerate(ids)
        if not np.isnat(times[row, 0])
    }


def _catalogued(catalogue: FeatureCatalogue, view: str, columns: Sequence[str]) -> list[Feature]:
    by_name = {feature.name: feature for feature in catalogue.views[view].features}
    return [by_name[name] for name in columns]


def _facts(
    features: Sequence[tuple[int, Feature]],
    own: Mapping[str, OwnWords],
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
        words_of_it = own.get(feature.name)
        worded = (
            sentence(feature.name, row, catalogue)
            if words_of_it is None
            else own_sentence(feature.name, words_of_it, row, catalogue)
        )
        if worded is None or is_as_it_should_be(feature.name, value, words_of_it):
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
