"""What an emulator is started with."""

from dataclasses import dataclass, field
from pathlib import Path

from emulator.logs.forms import Forms


@dataclass(frozen=True)
class Settings:
    """The options of the command, and what a scenario file adds."""

    host: str = "127.0.0.1"
    port: int = 0
    shares: Path = Path("shares")
    region: str = "us-east-1"
    account_id: str = "123456789012"
    phase_s: float = 0.2
    forms: Forms = field(default_factory=Forms)
