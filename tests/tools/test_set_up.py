import re
import shutil
import socket
from pathlib import Path

import pytest


@pytest.fixture
def closed_port():
    """A port on which nothing listens, as long as the test runs."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        yield reserved.getsockname()[1]


def assert_failed_with_a_sentence(done, *sentences):
    assert done.returncode == 2
    for sentence in sentences:
        assert sentence in done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert "the demo runs" not in done.stdout


def test_set_up_prints_a_line_for_each_step_and_uses_the_registry_of_pip_conf(project, registry, tmp_path):
    (tmp_path / "pip.conf").write_text(f"[global]\nindex-url = {registry.url}\n")
    half_finished = project.folder / ".venv/bin/python"
    half_finished.parent.mkdir(parents=True)
    half_finished.symlink_to("/nonexistent/python")

    done = project.make("demo", PIP_CONFIG_FILE=str(tmp_path / "pip.conf"))

    assert (done.stderr, done.returncode) == ("", 0)
    steps = re.findall(r"^  (\d/5) (\w+) .* (\d+\.\d s)$", done.stdout, re.MULTILINE)
    assert [step[:2] for step in steps] == [
        ("1/5", "create"),
        ("2/5", "install"),
        ("3/5", "install"),
        ("4/5", "install"),
        ("5/5", "install"),
    ]
    assert re.search(r"install the locked packages \.\.\. \d+ packages, ", done.stdout)
    assert done.stdout.endswith("the demo runs\n")
    assert (project.folder / ".venv/bin/datasync-trigger").exists()
    assert project.make("demo").stdout == "the demo runs\n"


def test_set_up_runs_again_if_it_was_cut_short_or_the_folder_was_moved_or_a_lock_has_changed(project):
    stamp = project.folder / ".venv/.set-up"

    def set_up_runs():
        return "tools.set_up" in project.make("--dry-run", "demo").stdout

    assert set_up_runs()
    (stamp.parent / "bin").mkdir(parents=True)
    (stamp.parent / "bin/python").touch()
    assert set_up_runs()
    stamp.write_text(str(project.folder))
    assert not set_up_runs()
    stamp.write_text(str(project.folder.parent / "another folder"))
    assert set_up_runs()
    stamp.write_text(str(project.folder))
    (stamp.parent / "bin/python").unlink()
    assert set_up_runs()
    (stamp.parent / "bin/python").touch()
    lock = project.folder / "requirements/dev.txt"
    shutil.copystat(lock, stamp)
    lock.touch()
    assert set_up_runs()


def test_missing_python_is_named(project, tmp_path):
    done = project.make("demo", PATH=str(tmp_path))
    assert_failed_with_a_sentence(done, "python3 was not found.", "make PYTHON=python3.13 demo")


def test_old_python_is_named_with_its_version(project, tmp_path):
    python = tmp_path / "bin/python3"
    python.parent.mkdir()
    python.write_text('#!/bin/sh\n[ "$1" = --version ] && echo "Python 3.9.2" && exit\nexit 1\n')
    python.chmod(0o755)
    done = project.make("demo", PATH=f"{python.parent}:{project.environment['PATH']}")
    assert_failed_with_a_sentence(
        done, "python3 is Python 3.9.2, and Python 3.11 or later is needed.", "make PYTHON=python3.13 demo"
    )


@pytest.mark.parametrize("module", ["ensurepip", "venv"])
def test_python_that_cannot_create_virtual_environments_names_the_package_of_debian(project, tmp_path, module):
    (tmp_path / f"{module}.py").write_text(f'raise ModuleNotFoundError("left out", name="{module}")\n')
    done = project.make("demo", PYTHONPATH=str(tmp_path))
    assert_failed_with_a_sentence(done, f"its module `{module}` is missing", "apt install python3-venv")
    assert "\n" not in done.stdout.splitlines(keepends=True)[:1]


def test_registry_that_is_not_reached_names_the_settings_to_check(project, closed_port):
    done = project.make("demo", PIP_INDEX_URL=f"http://127.0.0.1:{closed_port}/simple")
    assert_failed_with_a_sentence(done, "No package registry was reached.", "PIP_INDEX_URL", "HTTPS_PROXY")
    assert done.stdout.endswith(" with pip ... \n")
    assert not (project.folder / ".venv/.set-up").exists()


@pytest.mark.parametrize("lock", ["uv.txt", "dev.txt"])
def test_package_with_another_hash_is_refused(project, registry, lock):
    path = project.folder / "requirements" / lock
    path.write_text(re.sub(r"sha256:.{8}", "sha256:00000000", path.read_text()))
    done = project.make("demo", PIP_INDEX_URL=registry.url)
    assert_failed_with_a_sentence(done, "its hash does not match")
    assert not (project.folder / ".venv/.set-up").exists()


def test_version_that_the_registry_does_not_have_is_named(project, registry):
    lock = project.folder / "requirements/uv.txt"
    lock.write_text(re.sub(r"==\S+", "==999", lock.read_text()))
    done = project.make("demo", PIP_INDEX_URL=registry.url)
    assert_failed_with_a_sentence(done, "does not have a package in the version that is locked", "uv==999")


def test_file_that_cannot_be_read_is_named(project):
    lock = project.folder / "requirements/uv.txt"
    lock.unlink()
    lock.mkdir()
    assert_failed_with_a_sentence(project.make("demo"), "requirements/uv.txt: Is a directory.")


def test_set_up_works_with_folders_of_wheels_only_and_without_a_cache(project, registry, tmp_path):
    cache = tmp_path / "cache"
    cache.touch()
    folders = " ".join(map(str, registry.folders))
    done = project.make("demo", PIP_NO_INDEX="1", PIP_FIND_LINKS=folders, UV_CACHE_DIR=str(cache))
    assert (done.stderr, done.returncode) == ("", 0)


def test_help_lists_every_target(project):
    makefile = Path(project.folder / "Makefile").read_text()
    [targets] = re.findall(r"^\.PHONY: (help .*)$", makefile, re.MULTILINE)
    assert [line.split()[0] for line in project.make("help").stdout.splitlines()] == targets.split()
