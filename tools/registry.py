"""The package registry that pip is configured for, in the words of uv, which does not read pip's configuration.

Only the standard library is used: the set-up runs this before anything is installed.
"""

import ast
import re
import ssl
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

UV_VARIABLES = {
    "index-url": ("UV_DEFAULT_INDEX",),
    "extra-index-url": ("UV_INDEX",),
    "trusted-host": ("UV_INSECURE_HOST",),
    "timeout": ("UV_HTTP_TIMEOUT",),
    "default-timeout": ("UV_HTTP_TIMEOUT",),
    "cert": ("SSL_CERT_FILE",),
    "client-cert": ("SSL_CLIENT_CERT",),
    "proxy": ("HTTPS_PROXY", "HTTP_PROXY"),
}
"""Settings of pip whose values uv takes as they are, and uv's variables for them."""


def pip_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment to run pip in: what configures uv's registry alone configures pip's too."""
    index = environment.get("UV_DEFAULT_INDEX") or environment.get("UV_INDEX_URL")
    # pip.conf may send packages to the user's own folder, which a virtual environment refuses.
    changed = {**environment, "PIP_USER": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    if index and not environment.get("PIP_INDEX_URL"):
        # uv takes `name=url`, too.
        changed["PIP_INDEX_URL"] = re.sub(r"^[\w.-]+=", "", index)
    return changed


def pip_settings(python: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """Return what pip is configured for, by its files and by PIP_ variables, as `pip install` would see it.

    Raises subprocess.CalledProcessError if pip cannot read its configuration.
    """
    listed = subprocess.run(  # noqa: S603  (the interpreter that the set-up created)
        [python, "-m", "pip", "config", "list"], env=environment, capture_output=True, text=True, check=True
    ).stdout
    sections: dict[str, dict[str, str]] = {"global": {}, "install": {}, ":env:": {}}
    for section, name, value in re.findall(r"^(global|install|:env:)\.([\w-]+)=(.*)$", listed, re.MULTILINE):
        sections[section][name] = ast.literal_eval(value)
    return {**sections["global"], **sections["install"], **sections[":env:"]}


def uv_environment(settings: Mapping[str, str], environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment to run uv in, so that it reaches the registry that pip reaches.

    A variable of uv that is set already is left as it is.
    """
    found: dict[str, str] = {}
    for name, value in settings.items():
        found |= dict.fromkeys(UV_VARIABLES.get(name, ()), " ".join(value.split()))
    # uv stops at a folder that does not exist, and pip warns.
    links = [link for link in settings.get("find-links", "").split() if "://" in link or Path(link).is_dir()]
    if links:
        found["UV_FIND_LINKS"] = ",".join(links)
    if settings.get("keyring-provider") == "subprocess":
        found["UV_KEYRING_PROVIDER"] = "subprocess"
    if environment.get("UV_INDEX_URL"):
        found.pop("UV_DEFAULT_INDEX", None)
    # pip takes the best match of all indexes. Every file is locked by its hash, so no index can slip in another one.
    found["UV_INDEX_STRATEGY"] = "unsafe-best-match"
    if has_system_certificates():
        found["UV_SYSTEM_CERTS"] = "true"
    return {**environment, **found, **{name: environment[name] for name in environment if name.startswith("UV_")}}


def uv_options(settings: Mapping[str, str]) -> list[str]:
    """Return the options of uv for settings of pip for which uv has no variable."""
    return ["--no-index"] if settings.get("no-index", "").lower() in ("1", "true", "yes", "on") else []


def has_system_certificates() -> bool:
    """Return whether the system has a store of TLS certificates, as newer pips use it beside their own.

    uv uses either the store or its own certificates, and fails if it is to use a store that is empty.
    """
    paths = ssl.get_default_verify_paths()
    return sys.platform == "darwin" or bool(paths.cafile) or bool(paths.capath and any(Path(paths.capath).iterdir()))
