"""What is configured: defaults, Invoke configuration, dotenv files and the environment, as one frozen object.

Knows neither Invoke nor AWS nor docker; python-dotenv is imported only when there is a file to read.
"""

from ecr_tasks.settings.keys import holds_keys
from ecr_tasks.settings.loading import load
from ecr_tasks.settings.model import Origin, Settings, SettingValue
from ecr_tasks.settings.problems import SettingsProblems

__all__ = ["Origin", "SettingValue", "Settings", "SettingsProblems", "holds_keys", "load"]
