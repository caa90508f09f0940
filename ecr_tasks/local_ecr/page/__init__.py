"""The local ECR's own page: one HTML file, and the JSON documents that it shows. All of it only reads."""
