"""What a linter of Dockerfiles would say, and what this project promises of its images beside it."""

import json
import re
from fnmatch import fnmatch

import pytest

from service.config import load
from tests.deploy.conftest import ROOT

TEXT = (ROOT / "Dockerfile").read_text()
TARGETS = ("emulator", "service")


class Stage:
    """A stage and its instructions, those that it inherits from another stage first."""

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


def test_every_stage_starts_from_another_one_or_from_the_base_that_a_builder_may_choose():
    assert {stage.base for stage in STAGES.values()} <= {"${BASE}", *STAGES}


def test_the_base_has_a_tag_that_says_what_it_is():
    name, _, tag = ARGUMENTS["BASE"].partition(":")
    assert name == "python"
    assert re.fullmatch(r"3\.\d+-slim-\w+", tag)


def test_plain_syntax_needs_no_frontend_from_a_registry():
    assert "syntax=" not in TEXT.splitlines()[0]
    assert "--mount" not in TEXT
    assert "<<" not in TEXT


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize("instruction", ["ENTRYPOINT", "CMD", "HEALTHCHECK"])
def test_commands_are_in_exec_form_so_that_signals_arrive(name, instruction):
    command = STAGES[name].last(instruction)
    if instruction == "HEALTHCHECK":
        command = command.partition("CMD ")[2]
    assert all(isinstance(word, str) for word in json.loads(command))


@pytest.mark.parametrize("name", TARGETS)
def test_an_image_runs_as_a_numeric_user_that_is_not_root(name):
    uid, _, gid = STAGES[name].last("USER").partition(":")
    assert int(uid) >= 10_000
    assert int(gid) >= 10_000
    assert STAGES[name].last("STOPSIGNAL") == "SIGTERM"


@pytest.mark.parametrize("name", TARGETS)
def test_an_image_holds_what_was_built_elsewhere_and_nothing_that_builds(name):
    stage = STAGES[name]
    assert not [argument for instruction, argument in stage.own if instruction in ("RUN", "ADD")]
    assert {argument.split()[0] for instruction, argument in stage.own if instruction == "COPY"} == {
        f"--from={name}-code",
        f"--from={name}-dependencies",
    }
    assert any("pip uninstall" in argument for instruction, argument in stage.all if instruction == "RUN")


@pytest.mark.parametrize("name", TARGETS)
def test_dependencies_are_a_layer_of_their_own_below_the_code(name):
    copies = [argument for instruction, argument in STAGES[name].own if instruction == "COPY"]
    assert [copy.split()[1] for copy in copies] == ["/opt/venv", "/app"]
    own = [argument for instruction, argument in STAGES[f"{name}-dependencies"].own if instruction == "COPY"]
    assert own == [f"requirements/{name}.txt /tmp/"]


def test_what_is_installed_is_locked_with_hashes_and_needs_no_compiler():
    installs = [run for run in RUNS if "install" in run and "uninstall" not in run]
    assert installs
    for run in installs:
        assert {"--require-hashes", "--no-deps", "--only-binary=:all:"} <= set(run.split())
    assert STAGES["service-dependencies"].all[0] == (
        "ENV",
        "PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore",
    )


def test_nothing_is_fetched_but_locked_packages():
    for word in ("apt", "apk", "curl", "wget", "git", "sudo"):
        assert not [run for run in RUNS if re.search(rf"\b{word}\b", run)]
    assert "ADD" not in {name for stage in STAGES.values() for name, _ in stage.own}


def test_no_secret_is_built_in():
    for stage in STAGES.values():
        for name, argument in stage.own:
            if name in ("ENV", "ARG"):
                assert not re.search(r"secret|token|password|credential|_key|index", argument, re.IGNORECASE), argument


def test_the_build_context_lets_in_what_is_copied_and_no_more():
    let_in = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    copied = {copy.split()[0] for copy in COPIES if not copy.startswith("--from")}
    assert set(let_in) == copied
    assert (ROOT / ".dockerignore").read_text().splitlines()[1] == "*", "everything else stays out"
    assert all((ROOT / path).exists() for path in copied)
    assert not any(fnmatch(path, "*env*") for path in copied)


def test_an_image_is_labelled():
    for name in TARGETS:
        labels = " ".join(argument for instruction, argument in STAGES[name].all if instruction == "LABEL")
        for label in ("title", "description", "version", "revision", "licenses", "vendor"):
            assert f"org.opencontainers.image.{label}=" in labels


def test_a_build_without_a_target_makes_the_service():
    assert list(STAGES)[-1] == "service"


def test_ecs_and_the_image_agree(stack):
    service = STAGES["service"]
    assert stack.container["user"] == service.last("USER")
    assert int(service.last("EXPOSE")) == stack.container["portMappings"][0]["containerPort"]
    assert int(service.last("EXPOSE")) == load(stack.environment).http_port
    options, _, command = service.last("HEALTHCHECK").partition(" CMD ")
    assert stack.container["healthCheck"]["command"] == ["CMD", *json.loads(command)]
    assert f"--timeout={stack.container['healthCheck']['timeout']}s" in options
