"""The settings of a process, from its environment."""

from service.config.loading import SettingsError, load
from service.config.settings import PREFIX, LogFormat, LogLevel, Settings

__all__ = ["PREFIX", "LogFormat", "LogLevel", "Settings", "SettingsError", "load"]
