"""docker-compose.yml, checked without an engine. `make e2e` runs it."""

import re

import pytest
import yaml

from service.config import load
from service.worker.supervisor import RELEASE_TIMEOUT_S
from tests.deploy.conftest import ROOT

COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"].endswith(":local")}
TRIGGER = SERVICES["service"]


def test_both_generations_of_compose_accept_the_file():
    assert "version" not in COMPOSE, "v2 warns about it, and 1.29 does not need it"


def test_third_party_images_have_a_version_tag():
    for name in SERVICES.keys() - OURS.keys():
        tag = SERVICES[name]["image"].partition(":")[2]
        assert tag.lstrip("v").replace(".", "").isdigit(), name
    assert SERVICES["localstack"]["image"] == "localstack/localstack:4.14.0", "later versions need a token"


def test_our_images_are_built_from_this_repository():
    targets = {"datasync-trigger:local": "service", "datasync-emulator:local": "emulator"}
    for service in OURS.values():
        assert service["build"] == {"context": ".", "target": targets[service["image"]]}


def test_ports_are_on_loopback():
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_several_workers_can_run():
    assert "container_name" not in TRIGGER
    (port,) = TRIGGER["ports"]
    first, last = map(int, re.search(r":-(\d+)-(\d+)}:8080$", port).groups())
    assert last > first


def test_worker_starts_when_its_resources_exist_and_without_a_sleep():
    assert TRIGGER["depends_on"] == {
        "init": {"condition": "service_completed_successfully"},
        "task": {"condition": "service_completed_successfully"},
    }
    for name in ("init", "task"):
        assert {each["condition"] for each in SERVICES[name]["depends_on"].values()} == {"service_healthy"}
    assert "sleep" not in (ROOT / "docker-compose.yml").read_text()


def test_environment_of_the_worker_is_valid():
    settings = load(TRIGGER["environment"])
    assert settings.queue_url.rpartition("/")[2] == SERVICES["init"]["command"][-1]
    assert float(TRIGGER["stop_grace_period"].removesuffix("s")) > settings.drain_s + RELEASE_TIMEOUT_S


@pytest.mark.parametrize("name", OURS)
def test_our_containers_are_confined(name):
    service = OURS[name]
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]


def test_mounts_are_read_only_and_from_the_repository():
    for service in SERVICES.values():
        for volume in service.get("volumes", []):
            source, _, mode = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", volume).split(":")
            assert (ROOT / source).exists()
            assert mode == "ro"


def test_share_contains_only_its_gitignore():
    excluded = (ROOT / "deploy/compose/prepare.py").read_text()
    assert '"/.gitignore"' in excluded
    assert (ROOT / "inbox/.gitignore").read_text().splitlines()[1:] == ["*", "!.gitignore"]


def test_optional_services_have_a_profile():
    assert {name for name, service in SERVICES.items() if "profiles" in service} == {"start", "consumer", "grafana"}


def test_grafana_shows_our_dashboard_from_our_prometheus():
    (source,) = yaml.safe_load((ROOT / "deploy/compose/grafana/datasources.yml").read_text())["datasources"]
    assert source["url"] == "http://prometheus:9090"
    (provider,) = yaml.safe_load((ROOT / "deploy/compose/grafana/dashboards.yml").read_text())["providers"]
    mounted = [volume.split(":")[1] for volume in SERVICES["grafana"]["volumes"]]
    assert f"{provider['options']['path']}/dashboard.json" in mounted


def test_prometheus_finds_every_worker_by_the_name_of_the_service():
    configuration = yaml.safe_load((ROOT / "deploy/compose/prometheus.yml").read_text())
    (job,) = configuration["scrape_configs"]
    assert job["dns_sd_configs"][0]["names"] == ["service"]
    mounted = [volume.split(":")[1] for volume in SERVICES["prometheus"]["volumes"]]
    assert set(configuration["rule_files"]) < set(mounted)
