"""The outside world behind the ports of ecr_tasks.model.ports: Docker and Amazon ECR."""
