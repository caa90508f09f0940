# Two images that stand on one base. The base is built for them and not published: it is in no group.
#
# BASE is the public image; where no image registry is in reach, ECR_BUILD_ARGS puts a local one in its place.
variable "BASE" {
  default = "python:3.13-slim"
}

group "default" {
  targets = ["api", "worker"]
}

target "base" {
  context = "base"
  args = {
    BASE = BASE
  }
}

target "api" {
  context = "api"
  contexts = {
    base = "target:base"
  }
}

target "worker" {
  context = "worker"
  contexts = {
    base = "target:base"
  }
}
