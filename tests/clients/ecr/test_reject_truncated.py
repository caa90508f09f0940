"""Answers that end in the middle: asked for again, and an error if it stays so, never taken for an empty one."""

from __future__ import annotations

import pytest

from ecr_tasks.clients.ecr.errors import translated
from ecr_tasks.clients.ecr.retry import API
from ecr_tasks.errors import AwsError
from tests.support.network import CUT, OK, Clock, Network


def test_a_whole_answer_is_taken_at_once() -> None:
    network = Network([OK], Clock())
    assert network.client().describe_repositories()["repositories"]
    assert len(network.times) == 1


def test_a_cut_answer_is_asked_for_again_after_a_while() -> None:
    network = Network([CUT, CUT, CUT, OK], Clock())
    assert network.client().describe_repositories()["repositories"]
    assert len(network.times) == 4
    assert network.clock.waits == sorted(network.clock.waits)
    assert len(network.clock.waits) == 3


def test_answers_that_stay_cut_are_an_error_and_not_an_empty_registry() -> None:
    network = Network([CUT], Clock())
    with pytest.raises(AwsError) as caught, translated("look at the repository team/app"):
        network.client().describe_repositories()
    assert len(network.times) == API.attempts
    assert "https://ecr.example.invalid" in caught.value.cause
    assert "Run it again" in caught.value.remedy
