"""The ECR API (AWS JSON 1.1) and as much of STS as ECR's users need (query protocol)."""
