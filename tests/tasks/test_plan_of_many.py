"""The plan of many images is short however many there are and however they differ, and counts what it leaves out."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_tasks.console import Column, Styled, Text
from ecr_tasks.errors import Refused
from ecr_tasks.model.image import BuildDefinition, Image
from ecr_tasks.model.registry import RepositoryView
from ecr_tasks.model.tag import Tag
from ecr_tasks.plan.conflicts import Conflict
from ecr_tasks.plan.plan import Plan
from ecr_tasks.plan.planned_image import PlannedImage
from ecr_tasks.plan.tag_states import PlannedTag
from ecr_tasks.tasks.plan import _conflicts, plan_json, show_plan
from ecr_tasks.tasks.plan_of_many import MOST, _chosen, general_reason
from ecr_tasks.terminal.text import complete
from tests.support.build import FIXED, HOST, image, manifest, repository


def planned(
    number: int,
    because: str = "",
    *,
    builds: bool = True,
    repository_name: str = "",
    tags: Sequence[Tag] = (FIXED,),
    definition: BuildDefinition | None = None,
) -> PlannedImage:
    """Return what is planned for an image in a folder of its own, for a reason that may name both."""
    name = f"service-{number:03}"
    full = repository_name or f"team/{name}"
    made = Image(name, full, definition or BuildDefinition(f"apps/{name}"), tuple(tags))
    view = RepositoryView(repository(name=full))
    states = tuple(PlannedTag(tag, "new") for tag in tags)
    return PlannedImage(made, states, builds, because.replace("NAME", name), view)


def printed(plan: Plan) -> list[str]:
    """Return the lines that the plan prints, those of its tables too."""
    lines: list[str] = []

    def line(*texts: Text, indent: int = 0) -> None:
        lines.extend(complete(text) for text in texts)

    def grid(columns: Sequence[Column | str], rows: Sequence[Sequence[Text]], *, indent: int = 0) -> None:
        lines.extend(["", *("  ".join(map(complete, row)) for row in rows)])

    show_plan(plan, line, grid)
    return [*lines, *(f"{names}: in the way: {text}" for names, text in _conflicts(plan))]


def test_a_reason_that_differs_by_the_images_own_folder_is_said_once() -> None:
    reason = "no image is tagged sha-a1b2c3d yet; apps/NAME/f and sub/apps/NAME/g changed since b1b2c3d40000"
    plan = Plan(tuple(planned(number, reason) for number in range(200)), ())
    assert printed(plan)[:3] == [
        "200 images: 200 to build, 0 with nothing to build",
        "build, no image is tagged sha-a1b2c3d yet; FOLDER/f and sub/FOLDER/g changed since b1b2c3d40000: all 200",
        f"to {HOST}/team/IMAGE: all 200",
    ]
    reasons = [item["build"]["because"] for item in plan_json(plan)["images"]]
    assert reasons == [reason.replace("NAME", f"service-{number:03}") for number in range(200)]


@pytest.mark.parametrize(
    ("definition", "text", "alike"),
    [
        (BuildDefinition("/work/repo/apps/web"), "apps/web/f changed", "FOLDER/f changed"),
        (BuildDefinition("../apps/web"), "apps/web/f changed", "FOLDER/f changed"),
        (BuildDefinition(".", "docker/web/Dockerfile"), "docker/web/Dockerfile changed", "FOLDER/Dockerfile changed"),
        (BuildDefinition(".", "web.Dockerfile"), "docker/web.Dockerfile changed", "docker/IMAGE.Dockerfile changed"),
        (
            BuildDefinition("web"),
            "the web is big; my-web/f, weber/f changed",
            "the web is big; my-web/f, weber/f changed",
        ),
        (BuildDefinition("."), "f changed", "f changed"),
        (BuildDefinition("https://example.com/web.git"), "docker fetches a part", "docker fetches a part"),
    ],
)
def test_a_path_in_the_images_own_folder_is_known_and_others_stay(
    definition: BuildDefinition, text: str, alike: str
) -> None:
    made = image(name="web", definition=definition)
    assert general_reason(text, PlannedImage(made, (), True, text)) == alike


def test_the_digest_that_must_come_out_is_each_images_own() -> None:
    stored = [manifest(str(number)) for number in range(8)]
    items = [
        PlannedImage(image(name=f"a{number}"), (), True, f"must be {one.digest}", published=one)
        for number, one in enumerate(stored)
    ]
    assert printed(Plan(tuple(items), ()))[1] == "build, must be its digest: all 8"


KINDS = st.sampled_from(["same", "apps/NAME/f changed", "NUMBER changed", "apps/NAME/NUMBER changed"])
IMAGES = st.lists(
    st.tuples(KINDS, st.booleans(), st.booleans(), st.booleans(), st.booleans()), min_size=6, max_size=300
)


@given(IMAGES)
def test_the_plan_is_short_however_many_images_there_are(kinds: list[tuple[str, bool, bool, bool, bool]]) -> None:
    items, conflicts = [], []
    for number, (reason, builds, other_name, other_tag, refused) in enumerate(kinds):
        item = planned(
            number,
            reason.replace("NUMBER", f"f{number}"),
            builds=builds,
            repository_name=f"old/{number}" if other_name else "",
            tags=(FIXED, Tag(f"v{number}", "fixed", "raw", "its own")) if other_tag else (FIXED,),
        )
        items.append(item)
        if refused:
            conflicts.append(Conflict(item.image.name, Refused(f"No {number}.", "Mend it.")))
    lines = printed(Plan(tuple(items), tuple(conflicts)))
    most_rows = 4  # the title of a table, its head, and two tags
    assert len(lines) <= 1 + 2 * (MOST + 1) + (MOST + 2) + (MOST * most_rows + 1) + (MOST + 1)
    reasons = [line for line in lines if line.startswith(("build, ", "nothing to build, "))]
    assert sum(map(counted, reasons)) == len(items)
    assert all(counted(line) for line in lines if line.startswith("to "))


def counted(line: str) -> int:
    """Return how many images a line speaks of."""
    if match := re.search(r": all (\d+)$", line):
        return int(match[1])
    names, _, more = line.rpartition(": ")[2].partition(" and ")
    return len(names.split(", ")) + int(more.removesuffix(" more") or 0)


def test_what_is_bad_is_shown_before_what_most_images_have() -> None:
    many, few, bad = ("many",), ("few",), ("in ", Styled("eu", "bad"))
    groups = {many: ["a", "b", "c"], few: ["d", "e"], bad: ["f"]}
    assert _chosen(groups, 1) == [bad]
    assert _chosen(groups, 2) == [many, bad]
