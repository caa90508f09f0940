"""What is typed: the Invoke tasks, a few lines each, and the collection ``ns`` of them all."""

from __future__ import annotations

from invoke.collection import Collection

from ecr_tasks.tasks import ci, iam, image, local, pipelines, project, repo, tags

ns = Collection(
    "ecr",
    image.build,
    image.push,
    image.pull,
    image.images,
    image.promote,
    image.plan,
    image.commands,
    tags.tags,
    image.login,
    image.logout,
    project.settings,
    project.init,
    project.env,
    repo.ns,
    Collection("ci", ci.context, pipelines.init),
    iam.ns,
    local.ns,
)
