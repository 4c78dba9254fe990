"""The Dockerfile: the rules of a linter, and this project's rules for its images."""

import json
import re
from fnmatch import fnmatch

import pytest

from service.config import load
from tests.deploy.conftest import ROOT

TEXT = (ROOT / "Dockerfile").read_text()
TARGETS = ("emulator", "service")


class Stage:
    """A stage and its instructions; inherited instructions come first."""

    def __init__(self, base, inherited):
        self.base = base
        self.own = []
        self._inherited = inherited

    @property
    def all(self):
        return [*self._inherited, *self.own]

    def last(self, instruction):
        return [argument for name, argument in self.all if name == instruction][-1]


def _stages():
    lines = re.sub(r"\\\n\s*", " ", TEXT).splitlines()
    stages, arguments = {}, {}
    for line in lines:
        if not line.strip() or line.startswith("#"):
            continue
        instruction, _, argument = line.partition(" ")
        argument = argument.strip()
        if instruction == "FROM":
            base, _, name = argument.partition(" AS ")
            assert name, f"a stage without a name: {line}"
            stages[name] = current = Stage(base, stages[base].all if base in stages else [])
        elif not stages:
            assert instruction == "ARG"
            arguments.update([argument.split("=", 1)])
        else:
            current.own.append((instruction, argument))
    return stages, arguments


STAGES, ARGUMENTS = _stages()
RUNS = [argument for stage in STAGES.values() for name, argument in stage.own if name == "RUN"]
COPIES = [argument for stage in STAGES.values() for name, argument in stage.own if name == "COPY"]


def test_every_stage_starts_from_another_stage_or_the_configurable_base():
    assert {stage.base for stage in STAGES.values()} <= {"${BASE}", *STAGES}


def test_base_has_a_descriptive_tag():
    name, _, tag = ARGUMENTS["BASE"].partition(":")
    assert name == "python"
    assert re.fullmatch(r"3\.\d+-slim-\w+", tag)


def test_plain_syntax_needs_no_frontend_from_a_registry():
    assert "syntax=" not in TEXT.splitlines()[0]
    assert "--mount" not in TEXT
    assert "<<" not in TEXT


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize("instruction", ["ENTRYPOINT", "CMD", "HEALTHCHECK"])
def test_commands_are_in_exec_form(name, instruction):
    command = STAGES[name].last(instruction)
    if instruction == "HEALTHCHECK":
        command = command.partition("CMD ")[2]
    assert all(isinstance(word, str) for word in json.loads(command))


@pytest.mark.parametrize("name", TARGETS)
def test_image_runs_as_a_numeric_user_other_than_root(name):
    uid, _, gid = STAGES[name].last("USER").partition(":")
    assert int(uid) >= 10_000
    assert int(gid) >= 10_000
    assert STAGES[name].last("STOPSIGNAL") == "SIGTERM"


@pytest.mark.parametrize("name", TARGETS)
def test_image_contains_build_results_and_no_build_tools(name):
    stage = STAGES[name]
    assert not [argument for instruction, argument in stage.own if instruction in ("RUN", "ADD")]
    assert {argument.split()[0] for instruction, argument in stage.own if instruction == "COPY"} == {
        f"--from={name}-code",
        f"--from={name}-dependencies",
    }
    assert any("pip uninstall" in argument for instruction, argument in stage.all if instruction == "RUN")


@pytest.mark.parametrize("name", TARGETS)
def test_dependencies_are_a_separate_layer_below_the_code(name):
    copies = [argument for instruction, argument in STAGES[name].own if instruction == "COPY"]
    assert [copy.split()[1] for copy in copies] == ["/opt/venv", "/app"]
    own = [argument for instruction, argument in STAGES[f"{name}-dependencies"].own if instruction == "COPY"]
    assert own == [f"requirements/{name}.txt /tmp/"]


def test_packages_are_locked_with_hashes_and_need_no_compiler():
    installs = [run for run in RUNS if "install" in run and "uninstall" not in run]
    assert installs
    for run in installs:
        assert {"--require-hashes", "--no-deps", "--only-binary=:all:"} <= set(run.split())
    assert STAGES["service-dependencies"].all[0] == (
        "ENV",
        "PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore",
    )


def test_only_locked_packages_are_downloaded():
    for word in ("apt", "apk", "curl", "wget", "git", "sudo"):
        assert not [run for run in RUNS if re.search(rf"\b{word}\b", run)]
    assert "ADD" not in {name for stage in STAGES.values() for name, _ in stage.own}


def test_image_contains_no_secret():
    for stage in STAGES.values():
        for name, argument in stage.own:
            if name in ("ENV", "ARG"):
                assert not re.search(r"secret|token|password|credential|_key|index", argument, re.IGNORECASE), argument


def test_build_context_contains_exactly_the_copied_files():
    included = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    copied = {copy.split()[0] for copy in COPIES if not copy.startswith("--from")}
    assert set(included) == copied
    assert (ROOT / ".dockerignore").read_text().splitlines()[1] == "*", "everything else stays out"
    assert all((ROOT / path).exists() for path in copied)
    assert not any(fnmatch(path, "*env*") for path in copied)


def test_images_have_labels():
    for name in TARGETS:
        labels = " ".join(argument for instruction, argument in STAGES[name].all if instruction == "LABEL")
        for label in ("title", "description", "version", "revision", "licenses", "vendor"):
            assert f"org.opencontainers.image.{label}=" in labels


def test_default_target_is_the_service():
    assert list(STAGES)[-1] == "service"


def test_task_definition_matches_the_image(stack):
    service = STAGES["service"]
    assert stack.container["user"] == service.last("USER")
    assert int(service.last("EXPOSE")) == stack.container["portMappings"][0]["containerPort"]
    assert int(service.last("EXPOSE")) == load(stack.environment).http_port
    options, _, command = service.last("HEALTHCHECK").partition(" CMD ")
    assert stack.container["healthCheck"]["command"] == ["CMD", *json.loads(command)]
    assert f"--timeout={stack.container['healthCheck']['timeout']}s" in options
