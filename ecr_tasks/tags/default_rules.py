"""The tag rules that are used if ECR_TAGS is not set."""

from __future__ import annotations

DEFAULT_RULES = """\
type=semver,pattern={{version}}
type=ref,event=branch
type=ref,event=pr
type=sha
"""
"""The rules without ECR_TAGS (docs/tags.md); `latest` comes from the default flavor."""
