"""The plan and the closing summary of many images: what is the same is said once, and each image has a line."""

from __future__ import annotations

import json
import re
import sys

import pytest

from ecr_tasks.errors import LostBuild, RegistryError
from ecr_tasks.model.image import BuildDefinition
from ecr_tasks.model.manifest import VERSION
from tests.support.build import manifest
from tests.tasks.conftest import Project
from tests.tasks.several_images import several

NAMES = tuple(f"svc{number:02}" for number in range(1, 26))


@pytest.fixture
def many(project: Project) -> Project:
    several(project, *NAMES)
    return project


def test_the_plan_of_many_images_says_once_what_is_the_same(many: Project) -> None:
    lines = many.inv("plan").stdout.splitlines()
    assert lines[0] == "25 images: 25 to build, 0 with nothing to build"
    assert re.fullmatch(r"build, no image is tagged \S+ yet: all 25", lines[1])
    assert lines[2].endswith("/team/IMAGE: all 25")
    assert [line.split()[1:3] for line in lines[5:]] == [["new", "fixed"], ["new", "moving"]]


def test_a_plan_names_each_of_the_images_that_differ(many: Project) -> None:
    assert many.inv("build", "push", "--image", "svc0*").code == 0
    del many.registry.repositories["team/svc25"]
    for stored in (many.registry.stored, many.registry.tags):
        del stored["team/svc25"]
    result = many.inv("plan", ECR_REPOSITORY_MAP="svc02=old/two", ECR_CREATE_REPOSITORY="true")
    text = result.stdout
    assert "25 images: 17 to build, 8 with nothing to build" in text
    assert re.search(r"^build.*, its repository does not exist yet: svc02, svc25$", text, re.MULTILINE)
    assert re.search(r"^to .*old/two, a repository that will be created: svc02$", text, re.MULTILINE)
    unchanged = next(line for line in text.splitlines() if line.startswith("nothing to build"))
    assert unchanged.endswith(": svc01, svc03, svc04, svc05, svc06, svc07, svc08, svc09")
    building = next(line for line in text.splitlines() if "no image is tagged" in line)
    assert building.endswith(f"{', '.join(NAMES[9:24])} (15)")
    assert "present in 8, new in 17" in text


def test_a_tag_that_stays_with_a_higher_release_is_shown_as_such(many: Project) -> None:
    rules = {"ECR_TAGS": "type=sha;type=semver,pattern={{version}},value=1.2.3"}
    higher = manifest("higher", annotations={VERSION: "1.3.0"})
    for name in NAMES[:3]:
        many.registry.put(f"team/{name}", higher, "1.3.0", "latest")
    result = many.inv("plan", **rules)
    assert result.code == 0, result.stderr
    assert "The tags of svc01, svc02, svc03:" in result.stdout
    assert re.search(
        r"^ *latest +stays +moving +latest stays with the higher release 1\.3\.0", result.stdout, re.MULTILINE
    )


def test_a_change_in_the_folder_of_each_image_is_one_reason(many: Project) -> None:
    many.docker.bake_targets = {name: BuildDefinition(name) for name in NAMES}
    for step in ("before", "after"):
        for name in NAMES:
            many.write(f"{name}/Dockerfile", f"FROM scratch\n# {step}\n")
        many.commit()
        result = many.inv("build", "push") if step == "before" else many.inv("plan")
        assert result.code == 0, result.stderr
    reasons = [line for line in result.stdout.splitlines() if line.startswith("build")]
    assert len(reasons) == 1
    assert re.search(r"; FOLDER/Dockerfile changed since [0-9a-f]{12}: all 25$", reasons[0])
    assert result.stdout.count("\n") < 12
    because = [image["build"]["because"] for image in many.inv("plan", "--json").document["images"]]
    assert all(f"; {name}/Dockerfile changed" in reason for name, reason in zip(NAMES, because, strict=True))


def test_the_json_plan_of_many_images_has_every_image(many: Project) -> None:
    assert [image["name"] for image in json.loads(many.inv("plan", "--json").stdout)["images"]] == [*NAMES]


def test_what_is_in_the_way_of_many_images_is_said_once(many: Project) -> None:
    for name in NAMES:
        for stored in (many.registry.repositories, many.registry.stored, many.registry.tags):
            del stored[f"team/{name}"]
    result = many.inv("plan")
    assert result.code == 6
    in_the_way = [line for line in result.stdout.splitlines() if "in the way:" in line]
    assert len(in_the_way) == 1
    assert in_the_way[0].startswith(", ".join(NAMES))
    assert many.inv("push").stderr.count("svc") < 100


def test_a_push_of_many_images_ends_with_a_line_for_each(many: Project) -> None:
    result = many.inv("build", "push")
    assert result.code == 0, result.stderr
    lines = result.stderr.splitlines()
    start = next(index for index, line in enumerate(lines) if line.split()[:2] == ["image", "result"])
    assert [line.split()[:2] for line in lines[start + 1 : start + 26]] == [[name, "pushed"] for name in NAMES]
    assert lines[-1] == "25 images: 25 pushed"
    assert len(result.stdout.splitlines()) == 25


def test_on_a_terminal_the_summary_is_below_the_references(many: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", sys.stdout)
    assert many.inv("build", "push").stdout.splitlines()[-1] == "25 images: 25 pushed"


def test_images_that_stay_as_they_are_are_counted_and_not_listed(many: Project) -> None:
    assert many.inv("build", "push", "--image", "svc0*", "--image", "svc1*", "--image", "svc2[0-4]").code == 0
    result = many.inv("build", "push")
    assert result.stderr.splitlines()[-1] == "25 images: 1 pushed, 24 published before"
    assert [line.split()[0] for line in result.stderr.splitlines()[-3:-1]] == ["image", "svc25"]


def test_an_image_that_fails_is_the_last_line(many: Project) -> None:
    def fail() -> None:
        raise RegistryError("It is full.", "Make room.")

    many.calls.before["push"] = fail
    result = many.inv("build", "push")
    assert result.code == 5
    lines = result.stderr.splitlines()
    total = lines.index("25 images: 24 pushed, 1 failed")
    assert lines[total - 1].split()[1] == "failed"


def test_of_two_images_the_one_that_fails_is_told_of_at_once_beside_the_other(project: Project) -> None:
    def fail() -> None:
        raise RegistryError("It is full.", "Make room.")

    several(project, "api", "web")
    project.calls.before["push"] = fail
    result = project.inv("build", "push")
    assert (result.code, result.stderr.count(" is not published: It is full. Make room.")) == (5, 1)


def test_a_few_images_are_shown_one_by_one(project: Project) -> None:
    several(project, "api", "web")
    result = project.inv("build", "push")
    assert "api: build" in result.stderr
    assert "2 images:" not in result.stderr.replace("these 2 images:", "")


def test_the_builder_is_asked_about_the_dockerfiles_of_some_images_at_a_time(many: Project) -> None:
    """With 200 at once it loses some, and the plan had one of them in the way ("no such job")."""
    names = tuple(f"x{number}" for number in range(90))
    several(many, *names)
    many.docker.bake_targets = {name: BuildDefinition(name) for name in names}
    for name in names:
        many.write(f"{name}/Dockerfile", "FROM scratch\n")
    many.commit()
    assert many.inv("plan").code == 0
    assert len(many.calls.named("read_dockerfiles")) == 3


def test_a_build_that_the_builder_lost_is_nothing_in_the_way(many: Project) -> None:
    def lose() -> None:
        raise LostBuild("The builder lost one of many builds: no such job.", "Run it again.")

    many.calls.before["read_dockerfiles"] = lose
    assert many.inv("plan").code == 0


def test_each_image_that_cant_be_built_is_in_the_way_by_its_own_name(many: Project) -> None:
    """Of many the builder says which one it couldn't read; the others are asked about once more."""
    names = ("api", "base", "web", "worker")
    several(many, *names)
    targets = {name: BuildDefinition(str(many.path / name)) for name in names}
    for name in names:
        many.write(f"{name}/Dockerfile", "FROM scratch\n")
    many.commit()
    linked = {"base": targets["base"]}
    many.docker.bake_targets = {
        **targets,
        "worker": BuildDefinition(str(many.path / "worker"), contexts={"base": "target:base"}, linked=linked),
    }
    many.docker.unreadable = {targets["web"].context, targets["base"].context}
    result = many.inv("plan", "--json")
    assert result.code == 6
    assert [item["image"] for item in result.document["conflicts"]] == ["base", "web"]
    assert "Warning" not in result.stderr
    of_one = many.inv("plan", "--json", "--image", "worker")  # which links to what can't be built
    assert [item["image"] for item in of_one.document["conflicts"]] == ["worker"]


def test_of_many_images_that_cant_be_built_the_first_few_are_named_and_it_is_said_so(many: Project) -> None:
    names = [f"x{number:02d}" for number in range(12)]
    several(many, *names)
    many.docker.bake_targets = {name: BuildDefinition(str(many.path / name)) for name in names}
    for name in names:
        many.write(f"{name}/Dockerfile", "FROM scratch\n")
    many.commit()
    many.docker.unreadable = {str(many.path / name) for name in names}
    result = many.inv("plan", "--json")
    assert [item["image"] for item in result.document["conflicts"]] == names[:8]
    assert "Warning: 8 images can't be built; the builder was not asked whether the others can." in result.stderr


def test_an_image_on_another_ones_name_in_the_files_is_told_how_to_link_the_two(many: Project) -> None:
    several(many, "web", "job")
    many.docker.bake_targets = {name: BuildDefinition(str(many.path / name)) for name in ("web", "job")}
    many.docker.bake_tags = {"web": ("shop-web",)}
    many.write("web/Dockerfile", "FROM scratch\n")
    many.write("job/Dockerfile", "FROM shop-web\n")
    many.commit()
    (warning,) = (line for line in many.inv("plan").stderr.splitlines() if line.startswith("Warning"))
    assert "job is built on shop-web, which docker-bake.hcl calls the image of web" in warning
    assert warning.endswith('Link it: contexts = { "shop-web" = "target:web" }.')


def test_a_promotion_of_a_branch_whose_last_push_lacks_an_image_says_so(project: Project) -> None:
    several(project, "api", "web", "worker")
    project.docker.bake_targets = {name: BuildDefinition(name) for name in ("api", "web", "worker")}
    for number in (1, 2):
        for name in ("api", "web", "worker"):
            project.write(f"{name}/Dockerfile", f"FROM scratch\n# {number}\n")
        project.commit()
        words = ("--image", "api", "--image", "web") if number == 2 else ()
        assert project.inv("build", "push", *words).code == 0
    commit = project.git("rev-parse", "--short=7", "HEAD")
    result = project.inv("promote", "main", "--tag", "prod")
    assert result.code == 0
    assert f"Not all images under main are of commit {commit}: worker is of another one." in result.stderr
    for number in (2, 3):  # only the first one changes
        project.write("api/Dockerfile", f"FROM scratch\n# {number}\n")
        project.commit()
        assert project.inv("build", "push").code == 0
        assert "Not all images" not in project.inv("promote", "main", "--tag", "prod").stderr
