"""The settings of a process, from its environment."""

from service.config.settings import LogFormat, LogLevel, Settings, SettingsError, load

__all__ = ["LogFormat", "LogLevel", "Settings", "SettingsError", "load"]
