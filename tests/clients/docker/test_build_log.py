"""The output of a bake of several images, sorted by image for a log."""

from __future__ import annotations

import os
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_tasks.clients.docker import process
from ecr_tasks.clients.docker.build_log import BuildLog, sorted_by
from ecr_tasks.model.image import BuildDefinition

RECORDED = """\
#0 building with "default" instance using docker driver

#1 [internal] load local bake definitions
#1 DONE 0.0s

#2 [web internal] load build definition from Dockerfile
#2 transferring dockerfile: 68B done
#2 DONE 0.1s

#3 [api internal] load build definition from Dockerfile
#3 DONE 0.2s

#4 [web 2/2] RUN make
#4 0.412 cc -c main.c
#4 ...

#5 [api base 1/2] FROM docker.io/local/busybox:1
#5 CACHED

#4 [web 2/2] RUN make
#4 0.500 [done]
#4 DONE 0.6s

#6 [api] exporting to image
#6 exporting layers done
#6 DONE 0.3s

#7 [web] exporting to image
#7 DONE 0.4s
"""
"""The lines of buildx 0.29 for two targets, shortened."""


def log(*names: str, **caches: int) -> BuildLog:
    seconds = iter(range(100))
    return BuildLog(
        {**dict.fromkeys(names, 0), **caches},
        lambda name, s: f"::group::{name} ({s:.0f} s)",
        lambda _: "::endgroup::",
        lambda: float(next(seconds)),
    )


def test_each_image_has_its_lines_in_one_group_when_it_is_exported() -> None:
    sorted_log = log("api", "web")
    shown = sorted_log.feed(RECORDED) + sorted_log.rest()
    assert shown.splitlines() == [
        '#0 building with "default" instance using docker driver',
        "",
        "#1 [internal] load local bake definitions",
        "#1 DONE 0.0s",
        "",
        "::group::api (1 s)",
        "#3 [api internal] load build definition from Dockerfile",
        "#3 DONE 0.2s",
        "#5 [api base 1/2] FROM docker.io/local/busybox:1",
        "#5 CACHED",
        "#6 [api] exporting to image",
        "#6 exporting layers done",
        "#6 DONE 0.3s",
        "::endgroup::",
        "::group::web (2 s)",
        "#2 [web internal] load build definition from Dockerfile",
        "#2 transferring dockerfile: 68B done",
        "#2 DONE 0.1s",
        "#4 [web 2/2] RUN make",
        "#4 0.412 cc -c main.c",
        "#4 0.500 [done]",
        "#4 DONE 0.6s",
        "#7 [web] exporting to image",
        "#7 DONE 0.4s",
        "::endgroup::",
    ]


def test_what_buildx_does_when_the_build_has_ended_makes_no_second_group() -> None:
    sorted_log = log("api", "web")
    afterwards = "#8 [web] resolving provenance for metadata file\n"
    text = f"{RECORDED}\n{afterwards}#8 ...\n\n#9{afterwards[2:]}#9 DONE 0.0s\n\n{afterwards}#8 DONE 0.1s\n"
    assert (sorted_log.feed(text) + sorted_log.rest()).count("::group::") == 2
    failed = log("api", "web").feed(f"{RECORDED}\n{afterwards}#8 ERROR: no such record\n")
    assert "#8 ERROR: no such record" in failed


def test_the_caches_of_an_image_are_in_its_group() -> None:
    sorted_log = log("api", web=2)
    first = sorted_log.feed(RECORDED)
    assert "::group::web" not in first
    shown = sorted_log.feed(
        "#8 [web] exporting cache to registry\n#9 [web] exporting to GitHub Actions Cache\n#8 DONE 0.1s\n"
    )
    assert shown == ""
    shown = sorted_log.feed("#9 DONE 0.2s\n")
    assert (shown.count("::group::web"), sorted_log.rest()) == (1, "")


def test_of_two_caches_one_that_cannot_be_written_makes_no_second_group() -> None:
    """With ignore-error=true the build goes on."""
    sorted_log = log("api", web=2)
    assert sorted_log.feed("#8 [web] exporting to image\n#8 DONE 0.1s\n#9 [web] exporting cache to registry\n") == ""
    assert sorted_log.feed("#10 [web] exporting cache to client directory\n#9 ERROR: denied\n") == ""
    assert sorted_log.feed("#10 DONE 0.1s\n").count("::group::web") == 1
    assert sorted_log.rest() == ""


def test_a_cache_that_cannot_be_written_ends_the_group() -> None:
    sorted_log = log("api", web=1)
    sorted_log.feed("#8 [web] exporting to image\n#8 DONE 0.1s\n#9 [web] exporting cache to registry\n")
    assert "::group::web" in sorted_log.feed("#9 ERROR: denied\n")


def test_the_image_of_a_failed_step_is_shown_at_once_and_the_others_at_the_end() -> None:
    sorted_log = log("api", "web")
    sorted_log.feed("#2 [web 1/2] RUN make\n#3 [api 1/2] RUN true\n")
    failed = sorted_log.feed('#2 ERROR: process "make" did not complete\n------\n > [web 1/2] RUN make:\n------\n')
    assert failed.splitlines()[1:3] == ["#2 [web 1/2] RUN make", '#2 ERROR: process "make" did not complete']
    assert failed.splitlines()[-3:] == ["------", " > [web 1/2] RUN make:", "------"]
    assert "#3 [api 1/2] RUN true" in sorted_log.rest()
    assert sorted_log.rest() == ""


def test_the_platforms_of_an_image_are_one_group() -> None:
    sorted_log = log("web", "web-linux")
    shown = sorted_log.feed(
        "#2 [web-linux-arm64] exporting to image\n#3 [web-linux-amd64] exporting to image\n"
        "#2 DONE 0.1s\n#3 DONE 0.2s\n"
    )
    assert shown.count("::group::") == 1
    assert shown.startswith("::group::web (")


def test_a_repeated_bake_writes_its_caches_anew() -> None:
    sorted_log = log("api", web=1)
    for _ in range(2):
        assert sorted_log.feed("#8 [web] exporting to image\n#8 DONE 0.1s\n") == ""
        assert sorted_log.feed("#9 [web] exporting cache to registry\n") == ""
        assert sorted_log.feed("#10 [web] resolving provenance for metadata file\n#10 DONE 0.1s\n") == ""
        assert sorted_log.feed("#9 DONE 0.1s\n").count("::group::web") == 1
        assert sorted_log.rest() == ""
    assert "#10 [web 1/2] RUN make" in sorted_log.feed("#10 [web 1/2] RUN make\n#10 ERROR: 1\n")


def test_a_repeated_bake_has_steps_of_its_own() -> None:
    sorted_log = log("api", "web")
    sorted_log.feed("#4 [web 1/2] RUN make\n#4 ERROR: unexpected status: 503\n#5 [web 2/2] RUN true\n")
    sorted_log.rest()
    shown = sorted_log.feed("#4 [api 1/2] RUN make\n#4 0.1 cc\n#5 [api] exporting to image\n#5 DONE 0.1s\n")
    assert shown.splitlines()[1:-1] == [
        "#4 [api 1/2] RUN make",
        "#4 0.1 cc",
        "#5 [api] exporting to image",
        "#5 DONE 0.1s",
    ]


@given(st.lists(st.sampled_from(RECORDED.splitlines(keepends=True))))
def test_no_output_of_a_step_is_lost_whatever_its_order(lines: list[str]) -> None:
    sorted_log = log("api", "web")
    shown = sorted_log.feed("".join(lines)) + sorted_log.rest()
    kept = [line for line in lines if line.strip() and not line.endswith("...\n") and "[" not in line]
    assert sorted(kept) == sorted(
        line for line in shown.splitlines(keepends=True) if line.strip() and "::" not in line and "[" not in line
    )


def test_a_build_in_the_block_is_sorted_and_another_program_is_not(capfd: pytest.CaptureFixture[str]) -> None:
    script = f"import sys; sys.stdout.write({RECORDED!r})"
    with sorted_by(log("api", "web")):
        process.run([sys.executable, "-c", script], env=dict(os.environ), build=True)
        assert capfd.readouterr().err.count("::group::") == 2
        process.run([sys.executable, "-c", script], env=dict(os.environ))
    process.run([sys.executable, "-c", script], env=dict(os.environ), build=True)
    assert capfd.readouterr().err == RECORDED * 2


def test_a_cache_within_the_image_is_made_with_it_and_none_is_waited_for() -> None:
    """Else the group of that image would end with the whole bake."""
    caches = ("type=inline", "type=registry,ref=a/b", "type=local,dest=c")
    assert [BuildDefinition(".", cache_to=caches[:count]).caches_after_export for count in range(4)] == [0, 0, 1, 2]
