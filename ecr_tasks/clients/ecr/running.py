"""Ask ECS, Lambda and EKS which images they run. Whoever can't be asked is named in the answer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ecr_tasks.clients.ecr.errors import result_or_none, translate_errors
from ecr_tasks.clients.parallel import map_parallel
from ecr_tasks.errors import AwsError, EcrTasksError
from ecr_tasks.model.running import Running, Use

if TYPE_CHECKING:
    from ecr_tasks.clients.ecr.session import AwsSession

PARALLEL = 4
_TASKS, _SERVICES = 100, 10
"""How many tasks and services one call describes (ECS API reference, DescribeTasks and DescribeServices)."""


class RunningImages:
    """What the services of one account run, asked with the credentials of a session."""

    def __init__(self, aws: AwsSession) -> None:
        self._aws = aws

    def ask(self, service: str, region: str) -> Running:
        """Return the images that ``ecs`` or ``lambda`` runs in a region, or for ``eks`` whether it may run any."""
        question = {"ecs": self._ecs, "lambda": self._lambda, "eks": self._eks}[service]
        try:
            return question(region)
        except EcrTasksError as error:
            return Running(failed=(f"{_NAMES[service]} in {region} could not be asked: {error.cause.rstrip('.')}",))

    def _ecs(self, region: str) -> Running:
        """Return the images of running tasks, of services, and of each family's newest task definition.

        A schedule or a person starts a family's newest one without a service.
        """
        with translate_errors(f"ask ECS in {region} what runs (ecs:ListClusters)"):
            client = self._aws.service("ecs", region)
            uses: list[Use] = []
            definitions: dict[str, str] = {}
            for cluster in _all(client, "list_clusters", "clusterArns"):
                name = cluster.rpartition("/")[2]
                tasks = [*_all(client, "list_tasks", "taskArns", cluster=cluster)]
                for batch in _batches(tasks, _TASKS):
                    answer = client.describe_tasks(cluster=cluster, tasks=batch)
                    _check(answer, "DescribeTasks")
                    for task in answer["tasks"]:
                        uses += _containers(task.get("containers", ()), f"a task of ECS cluster {name} in {region}")
                services = [*_all(client, "list_services", "serviceArns", cluster=cluster)]
                for batch in _batches(services, _SERVICES):
                    answer = client.describe_services(cluster=cluster, services=batch)
                    _check(answer, "DescribeServices")
                    for item in answer["services"]:
                        where = f"the ECS service {item.get('serviceName', '')} of {name} in {region}"
                        parts = [item, *item.get("deployments", ()), *item.get("taskSets", ())]
                        definitions |= {one["taskDefinition"]: where for one in parts if one.get("taskDefinition")}
            for family in _all(client, "list_task_definition_families", "families", status="ACTIVE"):
                definitions.setdefault(family, f"the newest ECS task definition {family} in {region}")

            def of_definition(name: str) -> list[Use]:
                answer = client.describe_task_definition(taskDefinition=name)["taskDefinition"]
                return [*_containers(answer.get("containerDefinitions", ()), definitions[name])]

            for found in map_parallel(of_definition, [*definitions], PARALLEL, self._aws.retrier):
                uses += found
        return Running(tuple(uses), (f"ECS in {region}",))

    def _lambda(self, region: str) -> Running:
        """Return the images of all functions and their published versions."""
        with translate_errors(f"ask Lambda in {region} for its functions (lambda:ListFunctions, lambda:GetFunction)"):
            client = self._aws.service("lambda", region)
            pages = client.get_paginator("list_functions").paginate(FunctionVersion="ALL")
            functions = [
                item["FunctionArn"]
                for page in pages
                for item in page["Functions"]
                if item.get("PackageType") == "Image"
            ]

            def of_function(arn: str) -> list[Use]:
                answer = result_or_none(lambda: client.get_function(FunctionName=arn), "ResourceNotFoundException")
                code = answer["Code"] if answer else {}
                where = f"the Lambda function {arn.partition(':function:')[2]} in {region}"
                references = (code.get("ImageUri"), code.get("ResolvedImageUri"))
                return [Use(reference, where) for reference in references if reference]

            found = map_parallel(of_function, functions, PARALLEL, self._aws.retrier)
        return Running(tuple(use for uses in found for use in uses), (f"Lambda in {region}",))

    def _eks(self, region: str) -> Running:
        """Return that nothing runs where there is no cluster: AWS doesn't know the pods of one."""
        with translate_errors(f"ask EKS in {region} for its clusters (eks:ListClusters)"):
            clusters = [*_all(self._aws.service("eks", region), "list_clusters", "clusters")]
        if clusters:
            names = ", ".join(clusters[:3]) + (" …" if len(clusters) > 3 else "")
            return Running(silent=(f"AWS doesn't tell what runs in the EKS clusters of {region} ({names})",))
        return Running(asked=(f"EKS in {region}",))


_NAMES = {"ecs": "ECS", "lambda": "Lambda", "eks": "EKS"}


def _all(client: Any, operation: str, key: str, **parameters: Any) -> Iterator[Any]:
    for page in client.get_paginator(operation).paginate(**parameters):
        yield from page.get(key, ())


def _batches(items: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    return (items[start : start + size] for start in range(0, len(items), size))


def _containers(containers: Iterable[Any], where: str) -> Iterator[Use]:
    """Yield the images of the containers of a task or a task definition."""
    for container in containers:
        if container.get("image"):
            yield Use(container["image"], where, container.get("imageDigest"))


def _check(answer: Any, operation: str) -> None:
    """Raise AwsError for an incomplete answer; what has ended meanwhile is MISSING."""
    for failure in answer.get("failures", ()):
        if failure.get("reason") != "MISSING":
            raise AwsError(
                f"ECS left {failure.get('arn', 'something')} out of {operation}: {failure.get('reason', '')}.",
                "Run it again.",
            )
