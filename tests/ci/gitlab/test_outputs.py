"""What GitLab CI gets: sections of the log."""

from __future__ import annotations

from ecr_tasks.ci.gitlab.outputs import GitLab


def test_a_group_is_a_section() -> None:
    gitlab = GitLab()
    assert gitlab.group_start("Build team/app", 12.6) == (
        "\x1b[0Ksection_start:13:ecr_tasks_build_team_app\r\x1b[0KBuild team/app"
    )
    assert gitlab.group_end("Build team/app", 14) == "\x1b[0Ksection_end:14:ecr_tasks_build_team_app\r\x1b[0K"
