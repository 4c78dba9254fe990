"""Settings of an emulator."""

from dataclasses import dataclass, field
from pathlib import Path

from emulator.scenario import Scenario


@dataclass(frozen=True)
class Settings:
    """The options of the command; `state` is the folder that stores resources, or None."""

    host: str = "127.0.0.1"
    port: int = 0
    shares: Path = Path("shares")
    region: str = "us-east-1"
    account_id: str = "123456789012"
    phase_s: float = 0.2
    own_logs: bool = False
    events: bool = False
    state: Path | None = None
    scenario: Scenario = field(default_factory=Scenario)
