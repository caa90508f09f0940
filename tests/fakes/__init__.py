"""Docker and a registry in memory, behind the ports: they keep state, write down every call and fail on demand."""

from tests.fakes.calls import Calls
from tests.fakes.docker import FakeDocker
from tests.fakes.registry import FakeRegistry

__all__ = ["Calls", "FakeDocker", "FakeRegistry"]
