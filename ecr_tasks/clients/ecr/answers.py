"""Answers of AWS' services are checked where they come in: a proxy, or another server, may answer in their place.

botocore parses an answer by its API model, and passes on what has another type than the model says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ecr_tasks.clients.threads import awaiting_answer
from ecr_tasks.errors import AwsError

if TYPE_CHECKING:
    from botocore.model import Shape

_TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "boolean": bool,
    "list": list,
    "map": dict,
    "structure": dict,
    "integer": int,
    "long": int,
    "float": (int, float),
    "double": (int, float),
}


def check_answers(client: Any) -> None:
    """Make a client raise AwsError for an answer that is not its service's, instead of an error of the parser's.

    A member or an item that an answer lacks is such an error, too, when it is read (``answer["name"][0]``).
    """
    call, service = client._make_api_call, client.meta.service_model

    def checked_call(operation: str, parameters: Any) -> Any:
        place = f"{operation} at {client.meta.endpoint_url}"
        try:
            with awaiting_answer():
                answer = call(operation, parameters)
            shape = service.operation_model(operation).output_shape
            return _checked(answer, shape, place) if shape else answer
        except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
            raise not_aws(place, "its answer can't be read") from error
        except RuntimeError as error:
            if "timezone offset" not in str(error):  # botocore's parser says so of a time that is out of range
                raise
            raise not_aws(place, "its answer can't be read") from error

    client._make_api_call = checked_call  # both the client's methods and its paginators go through it


class _Items(list[Any]):
    """A list of an answer; to read an item that it lacks raises AwsError."""

    def __init__(self, items: list[Any], place: str) -> None:
        super().__init__(items)
        self._place = place

    def __getitem__(self, index: Any) -> Any:
        try:
            return super().__getitem__(index)
        except IndexError:
            raise not_aws(self._place, "a list in its answer is too short") from None


class _Answer(dict[str, Any]):
    """A part of an answer; to read a member that it lacks raises AwsError."""

    def __init__(self, members: dict[str, Any], place: str) -> None:
        super().__init__(members)
        self._place = place

    def __missing__(self, name: str) -> Any:
        raise not_aws(self._place, f"its answer lacks {name}")


def _checked(value: Any, shape: Shape, place: str) -> Any:
    kind: Any = shape
    expected = _TYPES.get(shape.type_name)
    if expected and (not isinstance(value, expected) or (isinstance(value, bool) and expected is not bool)):
        raise TypeError(f"{shape.name} is no {shape.type_name}")
    if shape.type_name == "structure":
        members = kind.members
        checked = {
            name: _checked(item, members[name], place) if name in members else item for name, item in value.items()
        }
        return _Answer(checked, place)
    if shape.type_name == "list":
        return _Items([_checked(item, kind.member, place) for item in value], place)
    if shape.type_name == "map":
        return {_checked(key, kind.key, place): _checked(item, kind.value, place) for key, item in value.items()}
    if isinstance(value, str):
        value.encode()  # half a character can't be printed
    return value


def not_aws(place: str, reason: str) -> AwsError:
    """Return the error for an answer that no service of AWS gives; ``place`` is an operation and its endpoint."""
    return AwsError(
        f"What answers as AWS ({place}) isn't AWS: {reason}.",
        "See that no proxy answers in its place, and that AWS_ENDPOINT_URL and the like name AWS' own endpoint.",
    )
