import os
import sys

import pytest

from tools import registry


def test_pip_settings_are_those_of_its_files_and_of_its_variables(tmp_path):
    file = tmp_path / "pip.conf"
    file.write_text(
        "[global]\nindex-url = http://a/simple\ntimeout = 7\n[install]\nextra-index-url =\n  http://b\n  http://c\n"
    )
    environment = {"PIP_CONFIG_FILE": str(file), "PIP_CERT": "/ca.pem", "PIP_INDEX_URL": "http://d/simple"}
    settings = registry.pip_settings(sys.executable, environment | {"HOME": str(tmp_path)})
    assert settings["index-url"] == "http://d/simple"
    assert settings["cert"] == "/ca.pem"
    assert settings["timeout"] == "7"
    assert settings["extra-index-url"].split() == ["http://b", "http://c"]


@pytest.mark.parametrize(
    ("name", "value", "variables"),
    [
        ("index-url", "http://a/simple", {"UV_DEFAULT_INDEX": "http://a/simple"}),
        ("extra-index-url", "\nhttp://b\nhttp://c", {"UV_INDEX": "http://b http://c"}),
        ("trusted-host", "a", {"UV_INSECURE_HOST": "a"}),
        ("timeout", "7", {"UV_HTTP_TIMEOUT": "7"}),
        ("cert", "/ca.pem", {"SSL_CERT_FILE": "/ca.pem"}),
        ("proxy", "http://p", {"HTTPS_PROXY": "http://p", "HTTP_PROXY": "http://p"}),
        ("find-links", f"/ http://b {os.sep}nonexistent", {"UV_FIND_LINKS": "/,http://b"}),
        ("keyring-provider", "subprocess", {"UV_KEYRING_PROVIDER": "subprocess"}),
        ("keyring-provider", "auto", {}),
    ],
)
def test_uv_gets_each_setting_of_pip_in_its_words(name, value, variables):
    common = registry.uv_environment({}, {})
    assert registry.uv_environment({name: value}, {}) == common | variables


@pytest.mark.parametrize("name", ["UV_DEFAULT_INDEX", "UV_INDEX_URL"])
def test_setting_of_uv_stays_and_is_used_for_pip_too(name):
    environment = {name: "http://u/simple"}
    found = registry.uv_environment({"index-url": "http://a/simple"}, environment)
    assert {key: found[key] for key in found if "INDEX" in key and key != "UV_INDEX_STRATEGY"} == environment
    assert registry.pip_environment(environment)["PIP_INDEX_URL"] == "http://u/simple"


def test_name_of_an_index_of_uv_is_not_part_of_its_url():
    assert registry.pip_environment({"UV_DEFAULT_INDEX": "ours=http://u/s?a=b"})["PIP_INDEX_URL"] == "http://u/s?a=b"


@pytest.mark.parametrize(("value", "options"), [("1", ["--no-index"]), ("true", ["--no-index"]), ("0", []), ("", [])])
def test_no_index_is_an_option(value, options):
    assert registry.uv_options({"no-index": value}) == options


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS always has certificates")
def test_empty_store_of_certificates_is_not_used(monkeypatch, tmp_path):
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    assert not registry.has_system_certificates()
    assert "UV_SYSTEM_CERTS" not in registry.uv_environment({}, {})
    (tmp_path / "0a1b2c3d.0").touch()
    assert registry.uv_environment({}, {})["UV_SYSTEM_CERTS"] == "true"
