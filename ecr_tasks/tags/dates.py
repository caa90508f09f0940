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
# Not compiled here: `re` compiles them at the first date, and most rules have no date.
_LOCALIZED_TOKEN = rf"{_ESCAPED}|\\?(?:LTS|LT|LL?L?L?|l{{1,4}})"
_TOKEN = (
    rf"(?s)(?P<text>{_ESCAPED})|(?P<escape>\\)?(?P<token>[Hh]mmss|[Hh]mm|Mo|M{{1,4}}|DDDo|Do|D{{1,4}}|do|d{{1,4}}|w[ow]?|W[oW]?"
    r"|Qo|Q|N{1,5}|Y{4,6}|YY|Y|y{2,4}|yo|y|g{4,5}|gg|G{4,5}|GG|e|E|a|A|hh?|HH?|kk?|mm?|ss?|S{1,9}|x|X|zz?|ZZ?|.)"
)

DEFAULT_FORMAT = "YYYY-MM-DDTHH:mm:ssZ"
"""The format that moment.js uses if none is given; at the offset 0 it ends with the letter Z."""


def time_zone(name: str) -> tzinfo:
    """Return the time zone with a name, in upper or lower case. Raises ValueError, with the remedy, for no zone."""
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
    """Return the moment in a time zone as text; ``pattern`` is a moment.js format, or empty for its default."""
    local = moment.astimezone(zone)
    if not pattern:
        pattern = DEFAULT_FORMAT if local.utcoffset() else DEFAULT_FORMAT.replace("Z", "[Z]")
    pattern = re.sub(_LOCALIZED_TOKEN, lambda match: _LOCALIZED.get(match[0], match[0]), pattern)
    return re.sub(_TOKEN, lambda match: _token_text(match, local), pattern)


def has_seconds(pattern: str) -> bool:
    """Return whether a format has everything from year to second, so that each second gives another text."""
    tokens = {match["token"] for match in re.finditer(_TOKEN, pattern or DEFAULT_FORMAT) if not match["escape"]}

    def has(any_of: str) -> bool:
        return not tokens.isdisjoint(any_of.split())

    day = has("DDD DDDD DDDo") or (has("M MM MMM MMMM Mo") and has("D DD Do"))
    hour = has("H HH k kk") or (has("h hh") and has("a A"))
    time = has("Hmmss") or (hour and has("m mm") and has("s ss"))
    return has("X x") or (has("Y YY YYYY YYYYY YYYYYY") and day and time)


def _token_text(match: re.Match[str], local: datetime) -> str:
    if match["text"] is not None:
        return match["text"][1:-1]
    write = None if match["escape"] else _LETTERS.get(match["token"])
    return write(local) if write else match["token"]


def _sunday(local: datetime) -> int:
    """Return the day of the week; Sunday is 0."""
    return local.isoweekday() % 7


def _us_week(local: datetime) -> tuple[int, int]:
    """Return year and number of the week as in the USA: weeks begin on Sunday, and week 1 has January 1st."""
    saturday = local.date() + timedelta(days=6 - _sunday(local)) if local.year < 9999 else local.date()
    first = date(saturday.year, 1, 1)
    return saturday.year, (saturday - first).days // 7 + 1


def _offset(local: datetime, separator: str) -> str:
    minutes = round((local.utcoffset() or timedelta()).total_seconds() / 60)
    sign = "-" if minutes < 0 else "+"
    return f"{sign}{abs(minutes) // 60:02}{separator}{abs(minutes) % 60:02}"


def _milliseconds(local: datetime) -> int:
    return (local - datetime(1970, 1, 1, tzinfo=timezone.utc)) // timedelta(milliseconds=1)


def _digits(number: Callable[[datetime], int], width: int = 1) -> Callable[[datetime], str]:
    """Return a function that writes a number with leading zeros up to a width."""
    return lambda local: f"{number(local):0{width}}"


def _ordinal(number: Callable[[datetime], int]) -> Callable[[datetime], str]:
    """Return a function that writes an ordinal number: 1st, 2nd, 3rd, 11th."""

    def write(local: datetime) -> str:
        value = number(local)
        teens = value % 100 // 10 == 1
        return f"{value}{'th' if teens else {1: 'st', 2: 'nd', 3: 'rd'}.get(value % 10, 'th')}"

    return write


def _fraction(digits: int) -> Callable[[datetime], str]:
    """Return a function that writes a second's fraction, in milliseconds as in JavaScript, with ``digits`` digits."""
    return lambda local: f"{local.microsecond // 1000:03}".ljust(9, "0")[:digits]


_NUMBERS: Mapping[str, Callable[[datetime], int]] = {
    "M": lambda t: t.month,
    "Q": lambda t: (t.month + 2) // 3,
    "D": lambda t: t.day,
    "DDD": lambda t: t.timetuple().tm_yday,
    "d": _sunday,
    "e": _sunday,
    "E": datetime.isoweekday,
    "w": lambda t: _us_week(t)[1],
    "W": lambda t: t.isocalendar()[1],
    "y": lambda t: t.year,
    "H": lambda t: t.hour,
    "h": lambda t: t.hour % 12 or 12,
    "k": lambda t: t.hour or 24,
    "m": lambda t: t.minute,
    "s": lambda t: t.second,
    "X": lambda t: _milliseconds(t) // 1000,
    "x": _milliseconds,
}
_YEARS: Mapping[str, Callable[[datetime], int]] = {
    "Y": lambda t: t.year,
    "g": lambda t: _us_week(t)[0],
    "G": lambda t: t.isocalendar()[0],
}

_LETTERS: Mapping[str, Callable[[datetime], str]] = {
    **{token: _digits(number) for token, number in _NUMBERS.items()},
    **{token * 2: _digits(_NUMBERS[token], 2) for token in "MDwWyHhkms"},
    **{f"{token}o": _ordinal(_NUMBERS[token]) for token in ("M", "Q", "D", "DDD", "d", "w", "W", "y")},
    **{letter * width: _digits(year, width) for letter, year in _YEARS.items() for width in (4, 5)},
    "DDDD": _digits(_NUMBERS["DDD"], 3),
    "MMM": lambda t: _MONTHS[t.month - 1][:3],
    "MMMM": lambda t: _MONTHS[t.month - 1],
    "dd": lambda t: _DAYS[_sunday(t)][:2],
    "ddd": lambda t: _DAYS[_sunday(t)][:3],
    "dddd": lambda t: _DAYS[_sunday(t)],
    "Y": lambda t: f"{t.year:04}",
    "YY": lambda t: f"{t.year % 100:02}",
    "YYYYYY": lambda t: f"+{t.year:06}",
    "yyy": lambda t: f"{t.year:03}",
    "yyyy": lambda t: f"{t.year:04}",
    "gg": lambda t: f"{_us_week(t)[0] % 100:02}",
    "GG": lambda t: f"{t.isocalendar()[0] % 100:02}",
    **dict.fromkeys(("N", "NN", "NNN", "NNNNN"), lambda t: "AD"),
    "NNNN": lambda t: "Anno Domini",
    "A": lambda t: "AM" if t.hour < 12 else "PM",
    "a": lambda t: "am" if t.hour < 12 else "pm",
    "hmm": lambda t: f"{t.hour % 12 or 12}{t.minute:02}",
    "hmmss": lambda t: f"{t.hour % 12 or 12}{t.minute:02}{t.second:02}",
    "Hmm": lambda t: f"{t.hour}{t.minute:02}",
    "Hmmss": lambda t: f"{t.hour}{t.minute:02}{t.second:02}",
    **dict.fromkeys(("z", "zz"), lambda t: t.tzname() or ""),
    "Z": lambda t: _offset(t, ":"),
    "ZZ": lambda t: _offset(t, ""),
    **{"S" * digits: _fraction(digits) for digits in range(1, 10)},
}
