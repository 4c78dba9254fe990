"""From a log event to what it says. Each parser is pure, never raises and takes time in proportion to the event."""

from collections.abc import Callable, Mapping

from service.domain.facts import Parsed
from service.domain.names import TaskMode
from service.parsing import basic, enhanced

Parser = Callable[[str, int], Parsed]
"""Takes a whole log event and its time in milliseconds since the epoch."""

PARSERS: Mapping[TaskMode, Parser] = {TaskMode.BASIC: basic.parse, TaskMode.ENHANCED: enhanced.parse}
"""How each of DataSync's engines is read: every mode is here."""
