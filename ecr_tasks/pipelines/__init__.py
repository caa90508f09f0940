"""Pipelines for CI systems: `ci.init` writes one from a template, and says later whether the template has changed.

Knows neither Invoke nor AWS nor docker. ``systems`` has the table of CI systems, ``template`` the small language of
the templates, ``committed`` what can be told of a file that was written earlier, and ``writing`` puts them together.
"""

from ecr_tasks.pipelines.systems import DEFAULT_INSTALL, SYSTEMS, System, credentials_of, find
from ecr_tasks.pipelines.template import Values
from ecr_tasks.pipelines.writing import check, write

__all__ = ["DEFAULT_INSTALL", "SYSTEMS", "System", "Values", "check", "credentials_of", "find", "write"]
