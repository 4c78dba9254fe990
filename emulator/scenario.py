"""Scenario file: the templates, faults and synthetic shares with which an emulator starts."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from emulator.faults import Faults
from emulator.logs.templates import Templates, read_templates
from emulator.synthetic.shares import SyntheticShares


@dataclass(frozen=True)
class Scenario:
    """Content of a scenario file; faults and shares as in the requests of the control API."""

    templates: Templates = field(default_factory=Templates)
    faults: list[dict[str, Any]] = field(default_factory=list)
    synthetic: list[dict[str, Any]] = field(default_factory=list)


def read_scenario(path: Path) -> Scenario:
    """Read a scenario from a YAML file. Raises ValueError, with a sentence for the user, if it is invalid."""
    try:
        content = yaml.safe_load(path.read_text()) or {}
    except (OSError, yaml.YAMLError) as error:
        raise ValueError(f"the scenario {path} cannot be read: {error}") from error
    if not isinstance(content, dict) or not content.keys() <= {"templates", "faults", "synthetic"}:
        raise ValueError(f"the scenario {path} may only have templates, faults and synthetic")
    scenario = Scenario(
        read_templates(content.get("templates") or {}), content.get("faults") or [], content.get("synthetic") or []
    )
    apply(scenario, Faults(), SyntheticShares())
    return scenario


def apply(scenario: Scenario, faults: Faults, shares: SyntheticShares) -> None:
    """Activate a scenario's faults and shares. Raises ValueError if one of them is invalid."""
    for fault in scenario.faults:
        faults.add(fault)
    for share in scenario.synthetic:
        shares.add(share)
