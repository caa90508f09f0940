"""The collection ``ns`` of all tasks."""

from __future__ import annotations

from invoke.collection import Collection

from ecr_tasks.runner.invoke_start import check_project_being_loaded
from ecr_tasks.runner.logs import redact_logs
from ecr_tasks.runner.typed_commands import know_tasks
from ecr_tasks.tasks import (
    builder,
    ci_context,
    ci_init,
    ec2_user_data,
    iam_policy,
    iam_trust,
    local,
    local_store,
    registry,
    repo,
)
from ecr_tasks.tasks.attest import attest
from ecr_tasks.tasks.bases import bases
from ecr_tasks.tasks.build import build
from ecr_tasks.tasks.commands import commands
from ecr_tasks.tasks.doctor import doctor
from ecr_tasks.tasks.env import env
from ecr_tasks.tasks.export import export
from ecr_tasks.tasks.history import history
from ecr_tasks.tasks.images import images
from ecr_tasks.tasks.init import init
from ecr_tasks.tasks.login import login, logout
from ecr_tasks.tasks.merge import merge
from ecr_tasks.tasks.outdated import outdated
from ecr_tasks.tasks.plan import plan
from ecr_tasks.tasks.promote import promote
from ecr_tasks.tasks.prune import prune
from ecr_tasks.tasks.pull import pull
from ecr_tasks.tasks.push import push
from ecr_tasks.tasks.restore import restore
from ecr_tasks.tasks.rollback import rollback
from ecr_tasks.tasks.scan import scan
from ecr_tasks.tasks.settings import settings
from ecr_tasks.tasks.sign import sign
from ecr_tasks.tasks.tags import tags
from ecr_tasks.tasks.verify import verify

redact_logs()  # before Invoke reads the project's configuration
check_project_being_loaded()
_local = Collection("local", local.up, local.down, local_store.status, local_store.reset)
_local.add_task(local.open_page, name="open")
_local.add_task(local.use, name="use", default=True)

ns = Collection(
    "ecr",
    build,
    push,
    merge,
    pull,
    export,
    images,
    promote,
    history,
    rollback,
    attest,
    prune,
    restore,
    scan,
    sign,
    verify,
    plan,
    commands,
    tags,
    bases,
    outdated,
    login,
    logout,
    settings,
    doctor,
    init,
    env,
    Collection("repo", repo.ensure, repo.show, repo.delete),
    Collection("builder", builder.create, builder.show, builder.remove),
    Collection("registry", registry.show, registry.ensure),
    Collection("ci", ci_context.context, ci_init.init),
    Collection("ec2", ec2_user_data.user_data),
    Collection("iam", iam_policy.policy, iam_trust.trust),
    _local,
)

know_tasks(lambda: [name for primary, aliases in ns.task_names.items() for name in (primary, *aliases)])
