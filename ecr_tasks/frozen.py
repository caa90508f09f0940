"""Make frozen dataclasses whose methods cost nothing until they are called.

``dataclasses.dataclass(frozen=True)`` compiles six methods for each class, which takes as long as to import a module:
for the hundred and more classes of one run it was a sixth of an unchanged `inv build push`.
"""

from __future__ import annotations

import dataclasses
import functools
import operator
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

T = TypeVar("T")
_MADE_HERE = ("frozen", "init", "repr", "eq", "order")


def _frozen_dataclass(**options: bool) -> Callable[[type[T]], type[T]]:
    """Return a decorator that makes a class what ``dataclasses.dataclass`` with the same options makes it."""

    def make(cls: type[T]) -> type[T]:
        made = dataclasses.dataclass(**{**options, **dict.fromkeys(_MADE_HERE, False)})(cls)
        methods: dict[str, Any] = _guards(made)
        if options.get("init", True):
            methods["__init__"] = _Initializer(made)
        if options.get("repr", True):
            methods["__repr__"] = _representation(made)
        if options.get("eq", True):
            methods["__eq__"] = _comparison(made, operator.eq)
            methods["__hash__"] = _hashing(made)
        if options.get("order"):
            for by in (operator.lt, operator.le, operator.gt, operator.ge):
                methods[f"__{by.__name__}__"] = _comparison(made, by)
        own = dict(vars(made))
        if "__eq__" in own and own["__hash__"] is None:  # which Python writes there itself
            del own["__hash__"]
        for name in methods.keys() - own.keys():
            setattr(made, name, methods[name])
        return made

    return make


class _Initializer:
    """Stand for a class's ``__init__`` until it is first asked for, and put the compiled one in its own place."""

    def __init__(self, cls: type) -> None:
        self.cls = cls

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        compiled = _compile_initializer(self.cls)
        type.__setattr__(self.cls, "__init__", compiled)
        return compiled.__get__(instance, owner)


def _compile_initializer(cls: type) -> Any:
    """Return the ``__init__`` that sets the fields and calls ``__post_init__``."""
    given: dict[str, Any] = {"__set": object.__setattr__, "__unset": dataclasses.MISSING}
    positional, by_name = ["self"], list[str]()
    lines = []
    for field in dataclasses.fields(cls):
        name = value = parameter = field.name
        if field.default_factory is not dataclasses.MISSING:
            given[f"__default_{name}"] = field.default_factory
            parameter = f"{name}=__unset"
            value = f"__default_{name}() if {name} is __unset else {name}" if field.init else f"__default_{name}()"
        elif field.default is not dataclasses.MISSING:
            given[f"__default_{name}"] = field.default
            parameter = f"{name}=__default_{name}"
        elif not field.init:
            continue
        if field.init:
            (by_name if field.kw_only else positional).append(parameter)
        if field.init or value != name:
            lines.append(f"__set(self, {name!r}, {value})")
    if hasattr(cls, "__post_init__"):
        lines.append("self.__post_init__()")
    parameters = ", ".join([*positional, *(["*", *by_name] if by_name else [])])
    body = "\n  ".join(lines or ["pass"])
    text = f"def make({', '.join(given)}):\n def __init__({parameters}):\n  {body}\n return __init__"
    scope: dict[str, Any] = {}
    exec(text, vars(sys.modules[cls.__module__]), scope)  # noqa: S102 - of a class's own field names, as dataclasses does
    compiled = scope["make"](**given)
    compiled.__qualname__ = f"{cls.__qualname__}.__init__"
    compiled.__annotations__ = {field.name: field.type for field in dataclasses.fields(cls) if field.init}
    return compiled


def _guards(cls: type) -> dict[str, Any]:
    """Return the methods that refuse to change or delete a field."""

    def refuse(instance: object, name: str, verb: str) -> None:
        if type(instance) is cls or name in {field.name for field in dataclasses.fields(cls)}:
            raise dataclasses.FrozenInstanceError(f"cannot {verb} field {name!r}")

    def assign(instance: object, name: str, value: object) -> None:
        refuse(instance, name, "assign to")
        object.__setattr__(instance, name, value)

    def delete(instance: object, name: str) -> None:
        refuse(instance, name, "delete")
        object.__delattr__(instance, name)

    return {"__setattr__": assign, "__delattr__": delete}


def _representation(cls: type) -> Callable[[object], str]:
    """Return the method that shows the fields but those with ``repr=False``, which can be secret."""

    def show(instance: object) -> str:
        shown = (f"{field.name}={getattr(instance, field.name)!r}" for field in dataclasses.fields(cls) if field.repr)
        return f"{type(instance).__qualname__}({', '.join(shown)})"

    return show


def _comparison(cls: type, by: Callable[[Any, Any], bool]) -> Callable[[object, object], object]:
    """Return the method that compares the fields but those with ``compare=False``."""

    def compare(instance: object, other: object) -> object:
        if type(other) is not type(instance):
            return NotImplemented
        values = _values(cls, hashed=False)
        return by(values(instance), values(other))

    return compare


def _hashing(cls: type) -> Callable[[object], int]:
    return lambda instance: hash(_values(cls, hashed=True)(instance))


@functools.cache
def _values(cls: type, *, hashed: bool) -> Callable[[object], tuple[object, ...]]:
    """Return what reads the fields that are compared, or of which the hash is made."""
    fields = dataclasses.fields(cls)
    names = [field.name for field in fields if (field.hash if hashed and field.hash is not None else field.compare)]
    if len(names) > 1:
        return operator.attrgetter(*names)
    return lambda instance: tuple(getattr(instance, name) for name in names)


if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
else:
    dataclass = _frozen_dataclass
