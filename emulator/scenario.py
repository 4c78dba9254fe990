"""A scenario file: forms, faults and synthetic shares that an emulator starts with."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from emulator.faults import Faults
from emulator.logs.forms import Forms, read_forms
from emulator.synthetic.shares import SyntheticShares


@dataclass(frozen=True)
class Scenario:
    """What a scenario file says; faults and shares in the words of the control API."""

    forms: Forms = field(default_factory=Forms)
    faults: list[dict[str, Any]] = field(default_factory=list)
    synthetic: list[dict[str, Any]] = field(default_factory=list)


def read_scenario(path: Path) -> Scenario:
    """The scenario in a YAML file; raises ValueError with a sentence for people if it says something unknown."""
    try:
        given = yaml.safe_load(path.read_text()) or {}
    except (OSError, yaml.YAMLError) as error:
        raise ValueError(f"the scenario {path} cannot be read: {error}") from error
    if not isinstance(given, dict) or not given.keys() <= {"forms", "faults", "synthetic"}:
        raise ValueError(f"the scenario {path} may have forms, faults and synthetic, and nothing else")
    scenario = Scenario(read_forms(given.get("forms") or {}), given.get("faults") or [], given.get("synthetic") or [])
    apply(scenario, Faults(), SyntheticShares())
    return scenario


def apply(scenario: Scenario, faults: Faults, shares: SyntheticShares) -> None:
    """Puts a scenario's faults and shares in force; raises ValueError for one that is not well formed."""
    for fault in scenario.faults:
        faults.add(fault)
    for share in scenario.synthetic:
        shares.add(share)
