"""Tests of the frozen dataclasses: they are as the standard library's, of which the same is asked."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
from collections.abc import Callable, Mapping
from dataclasses import field
from functools import cached_property
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_tasks.frozen import dataclass

NAMES = ("alpha", "beta", "gamma", "delta")
VALUES: st.SearchStrategy[object] = st.sampled_from([0, 1, 1.0, "", "a", (), (1, 2), [], None, float("nan")])
BODIES: dict[str, dict[str, Any]] = {
    "nothing": {},
    "equality": {"__eq__": lambda self, other: True},
    "representation": {"__repr__": lambda self: "own"},
    "hash": {"__hash__": lambda self: 7},
    "equality and hash": {"__eq__": lambda self, other: True, "__hash__": lambda self: 7},
    "initializer": {"__init__": lambda self, **fields: self.__dict__.update({**dict.fromkeys(NAMES), **fields})},
    "what is done after": {"__post_init__": lambda self: object.__setattr__(self, "late", 1)},
}
NO_DEFAULTS: dict[str, Any] = {}
FIELD = st.fixed_dictionaries(
    {"repr": st.booleans(), "compare": st.booleans(), "hash": st.sampled_from([None, True, False])},
    optional={"kw_only": st.booleans()},
)
DEFAULT = st.one_of(
    st.just(NO_DEFAULTS),
    st.fixed_dictionaries({"default": VALUES.filter(lambda value: value != []), "init": st.booleans()}),
    st.fixed_dictionaries({"default_factory": st.sampled_from([list, tuple]), "init": st.booleans()}),
)
FIELDS = st.lists(st.builds(lambda options, default: {**options, **default}, FIELD, DEFAULT), max_size=4).map(
    lambda fields: sorted(fields, key=lambda options: "init" in options)  # those without a default are first
)
OPTIONS = st.fixed_dictionaries({}, optional={"repr": st.booleans(), "kw_only": st.booleans()})
COMPARED = st.sampled_from([{}, {"eq": False}, {"order": True}])


def attempt(do: Callable[..., object], *arguments: object, **named: object) -> object:
    """Return what a call returns, or the kind and the text of what it raises."""
    try:
        return do(*arguments, **named)
    except Exception as error:
        return type(error), str(error)


def make(
    decorate: Any, fields: list[dict[str, Any]], options: Mapping[str, bool], body: Mapping[str, Any], inherited: int
) -> Any:
    """Return a class with these fields, of which some are its parent's."""
    parents: tuple[type, ...] = ()
    given_fields = dict(zip(NAMES, fields, strict=False))
    for names, members in ((NAMES[:inherited], {}), (NAMES[inherited:], body)):
        own = {name: field(**given_fields[name]) for name in names if name in given_fields}
        said = {"__module__": __name__, "__doc__": "Hold values.", "__annotations__": dict.fromkeys(own, "object")}
        parents = (decorate(frozen=True, **options)(type("Example", parents, {**said, **own, **members})),)
    return parents[0]


def facts(kind: Any, values: Mapping[str, object], others: Mapping[str, object]) -> list[object]:
    """Return all that a user can see of a class and of two values of it."""
    parameters = inspect.signature(kind).parameters.values()
    signature = [(item.name, item.kind, item.default is item.empty) for item in parameters]
    one, other = attempt(kind, **values), attempt(kind, **others)
    if not (isinstance(one, kind) and isinstance(other, kind)):
        return [signature, one if isinstance(one, tuple) else None, other if isinstance(other, tuple) else None]
    child = type("Child", (kind,), {})
    looks = (copy.copy, copy.deepcopy, dataclasses.replace)
    return [
        signature,
        kind.__match_args__,
        kind.__init__.__qualname__.rpartition(".")[2],
        [item.name for item in dataclasses.fields(kind)],
        attempt(repr, one) if kind.__repr__ is not object.__repr__ else None,
        attempt(hash, one) if kind.__hash__ is not object.__hash__ else None,
        [attempt(getattr(kind, f"__{name}__"), one, other) for name in ("eq", "ne", "lt", "le", "gt", "ge")],
        [one == kind(**values), one == child(**values), one == 1],
        [attempt(lambda look=look: vars(look(one))) for look in looks],
        attempt(dataclasses.asdict, one),
        [attempt(setattr, one, name, 1) for name in ("alpha", "delta", "strange")],
        [attempt(delattr, one, name) for name in ("alpha", "delta", "strange")],
        [attempt(setattr, child(**values), name, 1) for name in ("alpha", "delta", "strange")],
        vars(one),
    ]


@given(FIELDS, OPTIONS, COMPARED, st.sampled_from(sorted(BODIES)), st.integers(0, 4), st.data())
def test_a_class_and_its_values_are_as_the_standard_librarys(
    fields: list[dict[str, Any]],
    options: dict[str, bool],
    compared: dict[str, bool],
    body: str,
    inherited: int,
    data: st.DataObject,
) -> None:
    kinds = [
        make(decorate, fields, {**options, **compared}, BODIES[body], inherited)
        for decorate in (dataclass, dataclasses.dataclass)
    ]
    accepted = {name for name, item in zip(NAMES, fields, strict=False) if item.get("init", True)}
    strange = data.draw(st.sets(st.sampled_from(NAMES), max_size=1))  # one is missing, or more than there is
    values = {name: data.draw(VALUES) for name in sorted(accepted ^ strange)}
    others = {name: data.draw(st.just(value) | VALUES) for name, value in values.items()}
    ours, theirs = (facts(kind, values, others) for kind in kinds)
    assert repr(ours) == repr(theirs)  # as texts, since NaN isn't equal to itself


@dataclass(frozen=True)
class Login:
    """A user, and what nobody may see."""

    user: str
    password: str = field(repr=False)

    @cached_property
    def pair(self) -> str:
        """Join the two."""
        return f"{self.user}:{self.password}"


def test_a_value_can_be_pickled_and_keeps_what_it_has_computed() -> None:
    login = Login("AWS", "geheim")
    assert login.pair == login.pair == "AWS:geheim"
    assert pickle.loads(pickle.dumps(login)) == login  # noqa: S301 - its own
    assert repr(login) == "Login(user='AWS')"
    with pytest.raises(dataclasses.FrozenInstanceError, match="cannot assign to field 'password'"):
        login.password = "other"  # type: ignore[misc]
