"""Names of time zones, and the one that is likely meant by a name that is none."""

from difflib import get_close_matches
from zoneinfo import ZoneInfo, available_timezones

from holdfast.errors import InputError

_ALIKE, _CITY_ALIKE = 0.75, 0.85
_MOST_NEAR = 3


def check_zone(field: str, zone: str) -> str:
    """Refuse what is not the IANA name of a time zone.

    Parameters
    ----------
    field : str
        What named it, for an error.
    zone : str
        The name.

    Raises
    ------
    InputError
        There is no such zone; names those that are near.
    """
    if _exists(zone):
        return zone
    near = near_zones(zone)
    meant = f"; is {' or '.join(near)} meant?" if near else ""
    raise InputError(field, f"must be an IANA time zone such as Europe/Berlin{meant}", zone)


def near_zones(zone: str) -> tuple[str, ...]:
    """Zones whose name, or whose city, is nearly this one; at most three, the nearest first.

    >>> near_zones("Berlin")
    ('Europe/Berlin',)
    """
    known = {_plain(name): name for name in sorted(available_timezones()) if "/" in name}
    cities: dict[str, str] = {}
    for name in sorted(known.values()):
        cities.setdefault(_plain(name.rpartition("/")[2]), name)
    wanted = _plain(zone)
    if wanted in known:
        return (known[wanted],)
    if wanted in cities:
        return (cities[wanted],)
    near = [known[one] for one in get_close_matches(wanted, list(known), _MOST_NEAR, _ALIKE)]
    city = _plain(zone.rpartition("/")[2])
    near += [cities[one] for one in get_close_matches(city, list(cities), _MOST_NEAR, _CITY_ALIKE)]
    return tuple(dict.fromkeys(near))[:_MOST_NEAR]


def _exists(zone: str) -> bool:
    try:
        ZoneInfo(zone)
    except (ValueError, OSError, KeyError):
        return False
    return zone in available_timezones()


def _plain(name: str) -> str:
    return name.strip().casefold().replace(" ", "_").replace("-", "_")
