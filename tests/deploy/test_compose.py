"""docker-compose.yml, as far as it can be judged without an engine. `make e2e` runs it."""

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


def test_both_generations_of_compose_take_it():
    assert "version" not in COMPOSE, "v2 warns of it, and 1.29 does not need it"


def test_images_of_others_have_a_tag_of_a_version():
    for name in SERVICES.keys() - OURS.keys():
        tag = SERVICES[name]["image"].partition(":")[2]
        assert tag.lstrip("v").replace(".", "").isdigit(), name
    assert SERVICES["localstack"]["image"] == "localstack/localstack:4.14.0", "later ones need a token"


def test_our_images_are_built_here_by_whoever_starts_first():
    targets = {"datasync-trigger:local": "service", "datasync-emulator:local": "emulator"}
    for service in OURS.values():
        assert service["build"] == {"context": ".", "target": targets[service["image"]]}


def test_ports_are_on_loopback():
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_there_may_be_several_workers():
    assert "container_name" not in TRIGGER
    (port,) = TRIGGER["ports"]
    first, last = map(int, re.search(r":-(\d+)-(\d+)}:8080$", port).groups())
    assert last > first


def test_a_worker_starts_once_what_it_needs_has_been_made_and_not_after_a_pause():
    assert TRIGGER["depends_on"] == {
        "init": {"condition": "service_completed_successfully"},
        "task": {"condition": "service_completed_successfully"},
    }
    for name in ("init", "task"):
        assert {each["condition"] for each in SERVICES[name]["depends_on"].values()} == {"service_healthy"}
    assert "sleep" not in (ROOT / "docker-compose.yml").read_text()


def test_a_worker_s_settings_are_settings():
    settings = load(TRIGGER["environment"])
    assert settings.queue_url.rpartition("/")[2] == SERVICES["init"]["command"][-1]
    assert float(TRIGGER["stop_grace_period"].removesuffix("s")) > settings.drain_s + RELEASE_TIMEOUT_S


@pytest.mark.parametrize("name", OURS)
def test_our_containers_are_confined(name):
    service = OURS[name]
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]


def test_what_is_mounted_is_in_the_repository_and_read_only():
    for service in SERVICES.values():
        for volume in service.get("volumes", []):
            source, _, mode = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", volume).split(":")
            assert (ROOT / source).exists()
            assert mode == "ro"


def test_the_share_is_empty_but_for_what_keeps_it():
    excluded = (ROOT / "deploy/compose/prepare.py").read_text()
    assert '"/.gitignore"' in excluded
    assert (ROOT / "inbox/.gitignore").read_text().splitlines()[1:] == ["*", "!.gitignore"]


def test_what_is_started_by_hand_or_seldom_wanted_does_not_start_by_itself():
    assert {name for name, service in SERVICES.items() if "profiles" in service} == {"start", "consumer", "grafana"}


def test_grafana_shows_our_dashboard_from_the_prometheus_beside_it():
    (source,) = yaml.safe_load((ROOT / "deploy/compose/grafana/datasources.yml").read_text())["datasources"]
    assert source["url"] == "http://prometheus:9090"
    (provider,) = yaml.safe_load((ROOT / "deploy/compose/grafana/dashboards.yml").read_text())["providers"]
    mounted = [volume.split(":")[1] for volume in SERVICES["grafana"]["volumes"]]
    assert f"{provider['options']['path']}/dashboard.json" in mounted


def test_prometheus_finds_every_worker_by_the_service_s_name():
    told = yaml.safe_load((ROOT / "deploy/compose/prometheus.yml").read_text())
    (job,) = told["scrape_configs"]
    assert job["dns_sd_configs"][0]["names"] == ["service"]
    mounted = [volume.split(":")[1] for volume in SERVICES["prometheus"]["volumes"]]
    assert set(told["rule_files"]) < set(mounted)
