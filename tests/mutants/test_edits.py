"""An edit changes exactly one place of its target, and is refused if there is none or a second one."""

import pytest

from tests.mutants.edits import Before, Condition, Drop, EditError, Instead, Replace, Swap, Value

SOURCE = """
TABLE = {"ä": 1, "b": 2}


class Door:
    def open(self, key):
        if key == "ü":  # A comment.
            self.tries = 0
            self.log("öffnen")
        return self.tries


def open(key):
    return key == key
"""


@pytest.mark.parametrize(
    ("target", "edit", "before", "after"),
    [
        ("Door.open", Replace("self.tries", "0"), "return self.tries", "return 0"),
        ("Door.open", Condition("if key", "True"), 'if key == "ü":  #', "if True:  #"),
        ("Door.open", Drop("self.log"), 'self.log("öffnen")', "pass"),
        ("Door.open", Instead("self.log", "a()\nb()"), 'self.log("öffnen")', "a()\n            b()"),
        (
            "Door.open",
            Swap("self.tries", "self.log"),
            'self.tries = 0\n            self.log("öffnen")',
            'self.log("öffnen")\n            self.tries = 0',
        ),
        ("Door.open", Before("self.log", "a()"), "self.log", "a()\n            self.log"),
        ("TABLE", Value('"b"', "3"), "2", "3"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, object) and not isinstance(value, str) else "",
)
def test_edit_changes_one_place_of_its_target(target, edit, before, after):
    assert edit.apply(SOURCE, target) == SOURCE.replace(before, after)


@pytest.mark.parametrize(
    ("target", "edit"),
    [
        ("Door.open", Replace("other", "0")),
        ("open", Replace("key", "0")),
        ("Door.open", Drop("self.")),
        ("Door.open", Condition("return", "True")),
        ("Door.open", Swap("self.log", "self.tries")),
        ("Door.open", Swap("if key", "self.log")),
        ("TABLE", Value('"c"', "3")),
        ("Door.close", Drop("return")),
    ],
)
def test_edit_is_refused_unless_it_applies_exactly_once(target, edit):
    with pytest.raises(EditError):
        edit.apply(SOURCE, target)
