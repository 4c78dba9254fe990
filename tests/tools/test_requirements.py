import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "requirements"


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.txt")), ids=lambda path: path.name)
def test_every_package_is_locked_by_hash_and_no_index_is_named(path):
    text = path.read_text()
    packages = re.split(r"\n(?! )", text.strip())
    assert all(re.match(r"[a-z0-9.-]+(\[\S+\])?==\S+ .*--hash=sha256:", package, re.DOTALL) for package in packages)
    assert "://" not in text


def test_uv_of_the_set_up_is_the_one_that_is_locked_for_development():
    assert (FOLDER / "uv.txt").read_text() in (FOLDER / "dev.txt").read_text()
