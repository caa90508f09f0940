"""Dates in moment.js' format letters (momentjs.com/docs, Display, Format), in English and any time zone."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta, timezone, tzinfo

_DAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)

_LOCALIZED = {
    "LTS": "h:mm:ss A",
    "LT": "h:mm A",
    "LLLL": "dddd, MMMM D, YYYY h:mm A",
    "LLL": "MMMM D, YYYY h:mm A",
    "LL": "MMMM D, YYYY",
    "L": "MM/DD/YYYY",
    "llll": "ddd, MMM D, YYYY h:mm A",
    "lll": "MMM D, YYYY h:mm A",
    "ll": "MMM D, YYYY",
    "l": "M/D/YYYY",
}
_ESCAPED = r"\[[^\[]*\]"
_LOCALIZED_TOKEN = re.compile(rf"{_ESCAPED}|\\?(?:LTS|LT|LL?L?L?|l{{1,4}})")
_TOKEN = re.compile(
    rf"(?P<text>{_ESCAPED})|(?P<escape>\\)?(?P<token>[Hh]mmss|[Hh]mm|Mo|M{{1,4}}|DDDo|Do|D{{1,4}}|do|d{{1,4}}|w[ow]?|W[oW]?"
    r"|Qo|Q|N{1,5}|Y{4,6}|YY|Y|y{2,4}|yo|y|g{4,5}|gg|G{4,5}|GG|e|E|a|A|hh?|HH?|kk?|mm?|ss?|S{1,9}|x|X|zz?|ZZ?|.)",
    re.DOTALL,
)

DEFAULT_FORMAT = "YYYY-MM-DDTHH:mm:ssZ"
"""The format of moment.js where none is given; at the offset 0 it ends with the letter Z."""


def time_zone(name: str) -> tzinfo:
    """Return the time zone of a name in any case. Raises ValueError, with the remedy, for a name of none."""
    if name.upper() in ("UTC", "ETC/UTC"):
        return timezone.utc
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        zones = {zone.lower(): zone for zone in available_timezones()}
    if not zones:
        raise ValueError(
            f"the time zone {name!r} can't be looked up, because this system has no time zone database: "
            "install its tzdata package, or the Python package tzdata"
        )
    if name.lower() in zones:
        return ZoneInfo(zones[name.lower()])
    raise ValueError(f"{name!r} is not a time zone: write one like Europe/Berlin")


def render(moment: datetime, pattern: str, zone: tzinfo) -> str:
    """Return the moment in that zone, in a format of moment.js; an empty one is its default format."""
    local = moment.astimezone(zone)
    if not pattern:
        pattern = DEFAULT_FORMAT if local.utcoffset() else DEFAULT_FORMAT.replace("Z", "[Z]")
    for _ in range(5):  # as moment.js does; the long formats hold no other long ones
        expanded = _LOCALIZED_TOKEN.sub(lambda match: _LOCALIZED.get(match[0], match[0]), pattern)
        if expanded == pattern:
            break
        pattern = expanded
    return _TOKEN.sub(lambda match: _written(match, local), pattern)


def has_seconds(pattern: str) -> bool:
    """Return whether a format writes the year down to the second, so that no two seconds are written the same."""
    if not pattern:
        return True
    tokens = {match["token"] for match in _TOKEN.finditer(pattern) if not match["escape"] and match["token"]}
    if tokens & {"X", "x"}:
        return True
    year = bool(tokens & {"Y", "YYYY", "YYYYY", "YYYYYY", "YY"})
    day = bool(tokens & {"DDD", "DDDD", "DDDo"}) or (
        bool(tokens & {"M", "MM", "MMM", "MMMM", "Mo"}) and bool(tokens & {"D", "DD", "Do"})
    )
    hour = bool(tokens & {"H", "HH", "k", "kk"}) or (bool(tokens & {"h", "hh"}) and bool(tokens & {"a", "A"}))
    time = hour and bool(tokens & {"m", "mm"}) and bool(tokens & {"s", "ss"})
    return year and day and (time or "Hmmss" in tokens)


def _written(match: re.Match[str], local: datetime) -> str:
    if match["text"] is not None:
        return match["text"][1:-1]
    write = None if match["escape"] else _LETTERS.get(match["token"])
    return write(local) if write else match["token"]


def _ordinal(number: int) -> str:
    teens = number % 100 // 10 == 1
    return f"{number}{'th' if teens else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"


def _sunday(local: datetime) -> int:
    """Return the day of the week; Sunday is 0."""
    return local.isoweekday() % 7


def _us_week(local: datetime) -> tuple[int, int]:
    """Return year and number of the week as the USA counts: from Sunday, and January 1st is in the first."""
    saturday = local.date() + timedelta(days=6 - _sunday(local)) if local.year < 9999 else local.date()
    first = date(saturday.year, 1, 1)
    return saturday.year, (saturday - first).days // 7 + 1


def _offset(local: datetime, separator: str) -> str:
    minutes = round((local.utcoffset() or timedelta()).total_seconds() / 60)
    sign = "-" if minutes < 0 else "+"
    return f"{sign}{abs(minutes) // 60:02}{separator}{abs(minutes) % 60:02}"


def _fraction(digits: int) -> Callable[[datetime], str]:
    """Return a writer of the second's fraction in so many digits; like JavaScript's it has milliseconds only."""
    return lambda local: f"{local.microsecond // 1000:03}".ljust(9, "0")[:digits]


def _twelve(local: datetime) -> int:
    return local.hour % 12 or 12


def _milliseconds(local: datetime) -> int:
    return (local - datetime(1970, 1, 1, tzinfo=timezone.utc)) // timedelta(milliseconds=1)


_LETTERS: Mapping[str, Callable[[datetime], str]] = {
    "M": lambda t: str(t.month),
    "Mo": lambda t: _ordinal(t.month),
    "MM": lambda t: f"{t.month:02}",
    "MMM": lambda t: _MONTHS[t.month - 1][:3],
    "MMMM": lambda t: _MONTHS[t.month - 1],
    "Q": lambda t: str((t.month + 2) // 3),
    "Qo": lambda t: _ordinal((t.month + 2) // 3),
    "D": lambda t: str(t.day),
    "Do": lambda t: _ordinal(t.day),
    "DD": lambda t: f"{t.day:02}",
    "DDD": lambda t: str(t.timetuple().tm_yday),
    "DDDo": lambda t: _ordinal(t.timetuple().tm_yday),
    "DDDD": lambda t: f"{t.timetuple().tm_yday:03}",
    "d": lambda t: str(_sunday(t)),
    "do": lambda t: _ordinal(_sunday(t)),
    "dd": lambda t: _DAYS[_sunday(t)][:2],
    "ddd": lambda t: _DAYS[_sunday(t)][:3],
    "dddd": lambda t: _DAYS[_sunday(t)],
    "e": lambda t: str(_sunday(t)),
    "E": lambda t: str(t.isoweekday()),
    "w": lambda t: str(_us_week(t)[1]),
    "wo": lambda t: _ordinal(_us_week(t)[1]),
    "ww": lambda t: f"{_us_week(t)[1]:02}",
    "W": lambda t: str(t.isocalendar()[1]),
    "Wo": lambda t: _ordinal(t.isocalendar()[1]),
    "WW": lambda t: f"{t.isocalendar()[1]:02}",
    "YY": lambda t: f"{t.year % 100:02}",
    "YYYY": lambda t: f"{t.year:04}",
    "Y": lambda t: f"{t.year:04}",
    "YYYYY": lambda t: f"{t.year:05}",
    "YYYYYY": lambda t: f"+{t.year:06}",
    "y": lambda t: str(t.year),
    "yo": lambda t: _ordinal(t.year),
    "yy": lambda t: f"{t.year:02}",
    "yyy": lambda t: f"{t.year:03}",
    "yyyy": lambda t: f"{t.year:04}",
    "N": lambda t: "AD",
    "NN": lambda t: "AD",
    "NNN": lambda t: "AD",
    "NNNN": lambda t: "Anno Domini",
    "NNNNN": lambda t: "AD",
    "gg": lambda t: f"{_us_week(t)[0] % 100:02}",
    "gggg": lambda t: f"{_us_week(t)[0]:04}",
    "ggggg": lambda t: f"{_us_week(t)[0]:05}",
    "GG": lambda t: f"{t.isocalendar()[0] % 100:02}",
    "GGGG": lambda t: f"{t.isocalendar()[0]:04}",
    "GGGGG": lambda t: f"{t.isocalendar()[0]:05}",
    "A": lambda t: "AM" if t.hour < 12 else "PM",
    "a": lambda t: "am" if t.hour < 12 else "pm",
    "H": lambda t: str(t.hour),
    "HH": lambda t: f"{t.hour:02}",
    "h": lambda t: str(_twelve(t)),
    "hh": lambda t: f"{_twelve(t):02}",
    "k": lambda t: str(t.hour or 24),
    "kk": lambda t: f"{t.hour or 24:02}",
    "hmm": lambda t: f"{_twelve(t)}{t.minute:02}",
    "hmmss": lambda t: f"{_twelve(t)}{t.minute:02}{t.second:02}",
    "Hmm": lambda t: f"{t.hour}{t.minute:02}",
    "Hmmss": lambda t: f"{t.hour}{t.minute:02}{t.second:02}",
    "m": lambda t: str(t.minute),
    "mm": lambda t: f"{t.minute:02}",
    "s": lambda t: str(t.second),
    "ss": lambda t: f"{t.second:02}",
    "z": lambda t: t.tzname() or "",
    "zz": lambda t: t.tzname() or "",
    "Z": lambda t: _offset(t, ":"),
    "ZZ": lambda t: _offset(t, ""),
    "X": lambda t: str(_milliseconds(t) // 1000),
    "x": lambda t: str(_milliseconds(t)),
    **{"S" * digits: _fraction(digits) for digits in range(1, 10)},
}
