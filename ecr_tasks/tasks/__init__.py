"""What is typed: the Invoke tasks, a few lines each, and the collection ``ns`` of them all."""

from __future__ import annotations

from invoke.collection import Collection

from ecr_tasks.tasks import image, local, project, repo

ns = Collection(
    "ecr",
    image.build,
    image.push,
    image.pull,
    image.plan,
    image.commands,
    image.login,
    image.logout,
    project.settings,
    project.init,
    project.env,
    repo.ns,
    local.ns,
)
