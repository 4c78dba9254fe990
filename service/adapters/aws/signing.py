"""Signature Version 4 with a cached signing key, for requests to services that take JSON.

A request is signed here if it posts bytes to the root of its endpoint and all its headers are in the sets below. The
SDK's signer, from which this one inherits, signs any other request.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

import hmac
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from botocore import auth

if TYPE_CHECKING:
    from botocore.awsrequest import AWSRequest
    from botocore.client import BaseClient
    from botocore.credentials import ReadOnlyCredentials

_NAME = "datasync-trigger-v4"
"""Key of the signer in the SDK's table of signature versions."""

_SIGNED = frozenset({"content-type", "x-amz-target", "x-amzn-query-mode"})
_NOT_SIGNED = frozenset({"user-agent"})
_USUAL = _SIGNED | _NOT_SIGNED

_PORTS = {"http": 80, "https": 443}
"""The ports that a Host header leaves out."""


def register(client: "BaseClient") -> None:
    """Sign the requests of `client`, if its service takes JSON and Signature Version 4 alone."""
    service = client.meta.service_model
    if service.resolved_protocol == "json" and service.metadata.get("auth") == ["aws.auth#sigv4"]:
        # The table is not documented; a contract test fails if the SDK no longer looks signers up in it.
        auth.AUTH_TYPE_MAPS[_NAME] = CachedKeySigner
        client.meta.events.register(f"choose-signer.{service.service_id.hyphenize()}", _choose)  # type: ignore[arg-type]  # because the stubs forget that handlers may answer


def _choose(signature_version: object, context: dict[str, Any], **_: object) -> str | None:
    """Return this module's signer in place of the SDK's for version 4; None leaves the choice to the SDK."""
    # An operation or endpoint with a type may need another signer, as S3's do, or leave the body out of the signature.
    is_plain = context.get("auth_type") is None and not context.get("unsigned_payload")
    return _NAME if is_plain and signature_version == "v4" else None


class CachedKeySigner(auth.SigV4Auth):
    """Signer whose headers are those of the SDK's signer, in the same order."""

    def __init__(self, credentials: "ReadOnlyCredentials", service_name: str, region_name: str) -> None:
        super().__init__(credentials, service_name, region_name)
        self._service, self._region = service_name, region_name

    def add_auth(self, request: "AWSRequest") -> None:
        """Add the headers of the signature, and its time to the request's context."""
        host = _host(request.url) if self._is_plain(request) else None
        if host is None:
            super().add_auth(request)
            return
        timestamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        request.context["timestamp"] = timestamp
        request.headers["X-Amz-Date"] = timestamp
        if self.credentials.token:
            request.headers["X-Amz-Security-Token"] = self.credentials.token
        request.headers["Authorization"] = self._authorization(request, host, timestamp)

    def _is_plain(self, request: "AWSRequest") -> bool:
        names = {name.lower() for name in request.headers}
        return (
            request.method == "POST"
            and type(request.data) is bytes
            and not request.params
            and len(names) == len(request.headers)
            and names <= _USUAL
            and "checksum" not in request.context
            and request.context.get("payload_signing_enabled", True)
        )

    def _authorization(self, request: "AWSRequest", host: str, timestamp: str) -> str:
        """Return the Authorization header for a request that has all its other headers."""
        values = {
            lower: " ".join(value.split())
            for name, value in request.headers.items()
            if (lower := name.lower()) not in _NOT_SIGNED
        }
        values["host"] = host
        names = sorted(values)
        payload = cast("bytes", request.data)
        headers = "\n".join(f"{name}:{values[name]}" for name in names)
        signed = ";".join(names)
        canonical = f"POST\n/\n\n{headers}\n\n{signed}\n{sha256(payload).hexdigest()}"
        scope = f"{timestamp[:8]}/{self._region}/{self._service}/aws4_request"
        text = f"AWS4-HMAC-SHA256\n{timestamp}\n{scope}\n{sha256(canonical.encode()).hexdigest()}"
        key = signing_key(self.credentials.secret_key, timestamp[:8], self._region, self._service)
        signature = hmac.digest(key, text.encode(), "sha256").hex()
        return (
            f"AWS4-HMAC-SHA256 Credential={self.credentials.access_key}/{scope}, "
            f"SignedHeaders={signed}, Signature={signature}"
        )


@lru_cache(maxsize=16)
def signing_key(secret_key: str, date: str, region: str, service: str) -> bytes:
    """Derive the key of a secret for a day (YYYYMMDD), a Region and a service."""
    key = f"AWS4{secret_key}".encode()
    for part in (date, region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


@lru_cache(maxsize=16)
def _host(url: str) -> str | None:
    """Return the Host header for the root of an endpoint, or None if the URL has more than scheme, host and port."""
    parts = urlsplit(url)
    host, port = parts.hostname, parts.port
    if not host or ":" in host or url.removesuffix("/") != f"{parts.scheme}://{parts.netloc}":
        return None
    return host if port in {None, _PORTS.get(parts.scheme)} else f"{host}:{port}"
