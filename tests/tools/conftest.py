"""A small copy of this repository, and a package registry on loopback that has all that its set-up needs."""

import base64
import functools
import hashlib
import http.server
import importlib.metadata
import os
import shutil
import stat
import subprocess
import sys
import threading
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
LOCKS = {"uv.txt": ["uv"], "dev.txt": ["hatchling", "editables"], "current-sdk.txt": ["six"]}
LEFT_BY_THE_INSTALLER = {"INSTALLER", "REQUESTED", "RECORD", "direct_url.json", "uv_cache.json"}


def with_dependencies(names):
    """Return the names, and those of all packages that they need here."""
    found, waiting = [], list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.append(name)
            needed = map(Requirement, importlib.metadata.requires(name) or [])
            waiting += [each.name for each in needed if each.marker is None or each.marker.evaluate({"extra": ""})]
    return found


def build_wheel(name, folder):
    """Build the wheel of a package that is installed here, in a folder of the registry. Returns its path."""
    distribution = importlib.metadata.distribution(name)
    prefix = f"{name.replace('-', '_')}-{distribution.version}"
    launchers = {entry.name for entry in distribution.entry_points}
    path = folder / f"{prefix}-py3-none-any.whl"
    record = []
    with zipfile.ZipFile(path, "w") as wheel:
        for file in distribution.files:
            is_program = file.parts[0] == ".."
            if file.name in (launchers if is_program else LEFT_BY_THE_INSTALLER) or "__pycache__" in file.parts:
                continue
            target = f"{prefix}.data/scripts/{file.name}" if is_program else str(file)
            content = Path(file.locate()).read_bytes()
            digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")
            record.append(f"{target},sha256={digest},{len(content)}\n")
            entry = zipfile.ZipInfo(target)
            entry.external_attr = (stat.S_IFREG | 0o755) << 16
            wheel.writestr(entry, content)
        wheel.writestr(f"{prefix}.dist-info/RECORD", "".join([*record, f"{prefix}.dist-info/RECORD,,\n"]))
    return path


class Files(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        """Log nothing."""


@dataclass(frozen=True)
class Registry:
    url: str
    folders: list[Path]
    locks: dict[str, str]


@pytest.fixture(scope="session")
def registry(tmp_path_factory):
    folder = tmp_path_factory.mktemp("registry")
    locks = {}
    for lock, names in LOCKS.items():
        lines = []
        for name in with_dependencies(names):
            page = folder / "simple" / name
            page.mkdir(parents=True)
            wheel = build_wheel(name, page)
            (page / "index.html").write_text(f'<!DOCTYPE html><a href="{wheel.name}">{wheel.name}</a>')
            digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
            lines.append(f"{name}=={importlib.metadata.version(name)} --hash=sha256:{digest}\n")
        locks[lock] = "".join(lines)
    handler = functools.partial(Files, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield Registry(f"http://127.0.0.1:{server.server_port}/simple", sorted((folder / "simple").iterdir()), locks)
        server.shutdown()
        thread.join()


@dataclass
class Project:
    """The copy. `environment` has nothing of the machine's own configuration of pip and uv."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    def make(self, *arguments, **variables):
        return subprocess.run(
            [shutil.which("make"), *arguments],
            cwd=self.folder,
            env=self.environment | variables,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def project(tmp_path, registry):
    folder = tmp_path / "a folder"
    for name in ("service", "emulator/demo", "requirements"):
        (folder / name).mkdir(parents=True)
    for name in ("Makefile", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    shutil.copytree(ROOT / "tools", folder / "tools", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "service/__init__.py").write_text('__version__ = "0.1.0"\n')
    (folder / "emulator/demo/__main__.py").write_text('print("the demo runs")\n')
    for name, text in registry.locks.items():
        (folder / "requirements" / name).write_text(text)
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_RETRIES": "0",
        "UV_NO_CONFIG": "1",
        "UV_HTTP_RETRIES": "0",
    }
    return Project(folder, environment)
