"""What Travis CI gets: folds of the log."""

from __future__ import annotations

from ecr_tasks.ci.travis.outputs import Travis


def test_a_group_is_a_fold() -> None:
    travis = Travis()
    assert travis.group_start("Build", 0) == "travis_fold:start:ecr_tasks_build\r\x1b[0KBuild"
    assert travis.group_end("Build", 0) == "travis_fold:end:ecr_tasks_build\r\x1b[0K"
