"""Fakes of docker and a registry in memory. They keep state, log every call and fail on demand."""

from tests.support.fakes.calls import Calls
from tests.support.fakes.docker import FakeDocker
from tests.support.fakes.registry import FakeRegistry
from tests.support.fakes.signatures import FakeSignatures

__all__ = ["Calls", "FakeDocker", "FakeRegistry", "FakeSignatures"]
