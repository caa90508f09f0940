"""An Amazon ECR that runs in one process: the API and the registry, for laptops, tests and CI.

Standard library only, and nothing of the rest of ecr_tasks: the folder can be mounted into a container by
itself. ``server.LocalEcr`` is the server, ``background`` keeps one in the background, ``pytest_plugin`` gives each
test one of its own. Signatures, IAM and KMS are not checked.
"""
