"""No rule set and no name gives a tag that ECR or docker refuses."""

from __future__ import annotations

import re
from datetime import datetime, timezone

from hypothesis import given
from hypothesis import strategies as st

from ecr_tasks.errors import SettingsError
from ecr_tasks.source.source_state import SourceState
from tests.support.build import source
from tests.tags.build import apply

GRAMMAR = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")

NAMES = st.one_of(st.none(), st.text(), st.text(alphabet="aZ0_.-/+v\n é#", max_size=300), st.just("v1.2.3-rc.1"))
TIMES = st.one_of(st.none(), st.datetimes(timezones=st.just(timezone.utc)))
PIECES = st.sampled_from(
    [
        *(
            "{{branch}}",
            "{{tag}}",
            "{{sha}}",
            "{{base_ref}}",
            "{{is_default_branch}}",
            "{{date 'LLLL'}}",
            "{{version}}",
        ),
        *("{{commit_date 'x' tz='Asia/Tokyo'}}", "{{major}}", "{{raw}}", "v1.2.3", "1.0rc1", "-", ".", "/", "é", "a"),
        *("x" * 130, '"', ";", "=", " ", "\\d", "(.*)", "true", "false"),
    ]
)
VALUES = st.one_of(st.lists(PIECES, max_size=4).map("".join), st.text(max_size=20))
KEYS = st.sampled_from(
    [
        "enable",
        "priority",
        "prefix",
        "suffix",
        "pattern",
        "value",
        "match",
        "group",
        "event",
        "branch",
        "format",
        "kind",
        "forward",
    ]
)
TYPES = st.sampled_from(["schedule", "semver", "pep440", "match", "edge", "ref", "raw", "sha"])
RULES = st.one_of(
    st.text(),
    st.builds(
        lambda kind, keys: ",".join([f"type={kind}", *(f"{key}={value}" for key, value in keys)]),
        TYPES,
        st.lists(st.tuples(KEYS, VALUES), max_size=3),
    ),
    st.builds(lambda value, affix: f"type=raw,value={value},prefix={affix},suffix={affix}", VALUES, VALUES),
    st.builds(lambda affix: f"type=ref,event=branch,prefix={affix}", VALUES),
    st.builds(lambda pattern: f"type=match,pattern=/{pattern}(.*)/g,group=0", VALUES),
    st.sampled_from(
        ["type=semver,pattern={{raw}}", "type=pep440,pattern={{version}}", "type=ref,event=tag", "type=sha"]
    ),
)
FLAVORS = st.one_of(
    st.text(max_size=20),
    st.builds(
        lambda latest, prefix, suffix: (
            f"latest={latest}\nprefix={prefix},onlatest=true\nsuffix={suffix},onlatest=true"
        ),
        st.sampled_from(["auto", "true", "false"]),
        VALUES,
        VALUES,
    ),
)
EVENTS = st.sampled_from([None, "push", "tag", "pull_request", "schedule", "manual"])


@st.composite
def sources(draw: st.DrawFn) -> SourceState:
    """Draw a source with any names in it, on any event."""
    tag = draw(NAMES)
    moment: datetime | None = draw(TIMES)
    return source(
        event=draw(EVENTS),
        branch=draw(NAMES),
        tag=tag,
        release_tags=(tag,) if tag else (),
        pull_request=draw(NAMES),
        base_ref=draw(NAMES),
        default_branch=draw(NAMES),
        commit_time=moment,
        dirty=draw(st.booleans()),
        revision=draw(st.sampled_from([None, "a1b2c3d4" + "0" * 32])),
    )


@given(st.lists(RULES, max_size=5), FLAVORS, sources())
def test_every_tag_is_one_that_docker_takes(rules: list[str], flavor: str, state: SourceState) -> None:
    try:
        result = apply("\n".join([*rules, ""]), state, flavor)
    except SettingsError:
        return
    tag_names = [tag.name for tag in result.tags]
    assert all(GRAMMAR.fullmatch(name) for name in tag_names)
    assert len(set(tag_names)) == len(tag_names)
    assert {result.tag for result in result.rules if result.tag} == set(tag_names)
    assert (result.publishing is None) == (not tag_names)
    if state.dirty:
        assert all(name.endswith("-dirty") or name == "unversioned" for name in tag_names)
        assert {tag.kind for tag in result.tags} <= {"moving"}


@given(NAMES, NAMES)
def test_any_branch_or_tag_can_be_built_with_the_default_rules(branch: str | None, tag: str | None) -> None:
    result = apply(None, source(branch=branch, tag=tag))
    assert all(GRAMMAR.fullmatch(one.name) for one in result.in_publishing_order)
    assert result.in_publishing_order[0].kind == "fixed"
