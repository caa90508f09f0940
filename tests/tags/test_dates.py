"""moment.js' format letters and time zones."""

from __future__ import annotations

from datetime import datetime, timezone
from zoneinfo import ZoneInfoNotFoundError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_tasks.tags import dates

MOMENT = datetime(2020, 1, 10, 15, 5, 9, 45678, tzinfo=timezone.utc)
UTC = timezone.utc

LETTERS = {
    "M": "1",
    "Mo": "1st",
    "MM": "01",
    "MMM": "Jan",
    "MMMM": "January",
    "Q": "1",
    "Qo": "1st",
    "D": "10",
    "Do": "10th",
    "DD": "10",
    "DDD": "10",
    "DDDo": "10th",
    "DDDD": "010",
    "d": "5",
    "do": "5th",
    "dd": "Fr",
    "ddd": "Fri",
    "dddd": "Friday",
    "e": "5",
    "E": "5",
    "w": "2",
    "wo": "2nd",
    "ww": "02",
    "W": "2",
    "Wo": "2nd",
    "WW": "02",
    "YY": "20",
    "YYYY": "2020",
    "YYYYY": "02020",
    "YYYYYY": "+002020",
    "Y": "2020",
    "y": "2020",
    "yo": "2020th",
    "yy": "2020",
    "yyy": "2020",
    "yyyy": "2020",
    "N": "AD",
    "NN": "AD",
    "NNN": "AD",
    "NNNN": "Anno Domini",
    "NNNNN": "AD",
    "gg": "20",
    "gggg": "2020",
    "ggggg": "02020",
    "GG": "20",
    "GGGG": "2020",
    "GGGGG": "02020",
    "A": "PM",
    "a": "pm",
    "H": "15",
    "HH": "15",
    "h": "3",
    "hh": "03",
    "k": "15",
    "kk": "15",
    "hmm": "305",
    "hmmss": "30509",
    "Hmm": "1505",
    "Hmmss": "150509",
    "m": "5",
    "mm": "05",
    "s": "9",
    "ss": "09",
    "S": "0",
    "SS": "04",
    "SSS": "045",
    "SSSS": "0450",
    "SSSSSSSSS": "045000000",
    "z": "UTC",
    "zz": "UTC",
    "Z": "+00:00",
    "ZZ": "+0000",
    "X": "1578668709",
    "x": "1578668709045",
    "LT": "3:05 PM",
    "LTS": "3:05:09 PM",
    "L": "01/10/2020",
    "l": "1/10/2020",
    "LL": "January 10, 2020",
    "ll": "Jan 10, 2020",
    "LLL": "January 10, 2020 3:05 PM",
    "lll": "Jan 10, 2020 3:05 PM",
    "LLLL": "Friday, January 10, 2020 3:05 PM",
    "llll": "Fri, Jan 10, 2020 3:05 PM",
    "[Year] YYYY": "Year 2020",
    "[a [b]": "[pm b",
    "\\YYYYY": "YYYYY",
    "T-_./:": "T-_./:",
    "é": "é",
}


@pytest.mark.parametrize(("letters", "text"), LETTERS.items())
def test_every_letter(letters: str, text: str) -> None:
    assert dates.render(MOMENT, letters, UTC) == text


def test_the_examples_of_metadata_action() -> None:
    assert dates.render(MOMENT, "dddd, MMMM Do YYYY, h:mm:ss a", UTC) == "Friday, January 10th 2020, 3:05:09 pm"
    assert dates.render(MOMENT, "YYYYMMDD-HHmmss", dates.time_zone("Asia/Tokyo")) == "20200111-000509"


@pytest.mark.parametrize(
    ("day", "text"),
    [((2021, 1, 1), "2021-01 2020-53"), ((2023, 1, 1), "2023-01 2022-52"), ((2024, 12, 31), "2025-01 2025-01")],
)
def test_weeks_of_two_kinds(day: tuple[int, int, int], text: str) -> None:
    assert dates.render(datetime(*day, tzinfo=UTC), "gggg-ww GGGG-WW", UTC) == text


@pytest.mark.parametrize(
    ("number", "text"), [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (12, "12th"), (23, "23rd")]
)
def test_ordinals(number: int, text: str) -> None:
    assert dates.render(datetime(2020, 1, number, tzinfo=UTC), "Do", UTC) == text


def test_midnight() -> None:
    assert dates.render(datetime(2020, 1, 1, tzinfo=UTC), "H k h a A", UTC) == "0 24 12 am AM"


def test_no_format_is_moments_default() -> None:
    assert dates.render(MOMENT, "", UTC) == "2020-01-10T15:05:09Z"
    assert dates.render(MOMENT, "", dates.time_zone("America/New_York")) == "2020-01-10T10:05:09-05:00"


def test_time_zones_in_any_case() -> None:
    assert dates.time_zone("utc") is UTC
    assert dates.render(MOMENT, "HH z ZZ", dates.time_zone("asia/kolkata")) == "20 IST +0530"


@pytest.mark.parametrize("name", ["Mars/Olympus", "../etc/passwd", "", "Europe"])
def test_what_is_no_time_zone(name: str) -> None:
    with pytest.raises(ValueError, match="is not a time zone: write one like Europe/Berlin"):
        dates.time_zone(name)


def test_a_system_without_time_zones_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ZoneInfoNotFoundError(name)

    monkeypatch.setattr("zoneinfo.ZoneInfo", missing)
    monkeypatch.setattr("zoneinfo.available_timezones", set)
    assert dates.time_zone("UTC") is UTC
    with pytest.raises(ValueError, match="no time zone database: install its tzdata package"):
        dates.time_zone("Asia/Tokyo")


@pytest.mark.parametrize(
    ("letters", "tells"),
    [
        ("YYYYMMDDHHmmss", True),
        ("YY-DDDD-HH-mm-ss", True),
        ("YYYYMMDDhhmmssA", True),
        ("YYYYMMDDHmmss", True),
        ("X", True),
        ("", True),
        ("YYYYMMDD", False),
        ("YYYYMMDDHHmm", False),
        ("YYYYMMDDhhmmss", False),
        ("YYYY[MMDDHHmmss]", False),
        ("HHmmss", False),
    ],
)
def test_which_formats_tell_the_second(letters: str, tells: bool) -> None:
    assert dates.has_seconds(letters) is tells


@given(st.datetimes(timezones=st.just(UTC)), st.text())
def test_any_time_in_any_format_is_a_text(moment: datetime, letters: str) -> None:
    assert isinstance(dates.render(moment, letters, UTC), str)
