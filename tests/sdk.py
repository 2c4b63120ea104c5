"""Tencent's own Python SDK as a client of the emulator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

import requests
from qcloud_cos import CosConfig, CosS3Client
from requests.adapters import HTTPAdapter

from tests.emulators import REGION, SECRET_ID, SECRET_KEY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.emulators import Emulator


class ToEmulator(HTTPAdapter):
    """Connects to the emulator whatever host a URL names, and leaves the Host header and the signature as they are."""

    def __init__(self, endpoint: str) -> None:
        super().__init__()
        self._endpoint = urlsplit(endpoint)

    def send(self, request: requests.PreparedRequest, stream: bool = False, timeout: Any = None, verify: bool | str = True,
             cert: Any = None, proxies: Mapping[str, str] | None = None) -> requests.Response:  # fmt: skip
        parts = urlsplit(str(request.url))
        request.headers["Host"] = parts.netloc
        request.url = urlunsplit(("http", self._endpoint.netloc, parts.path, parts.query, ""))
        return super().send(request, stream, timeout, verify, cert, None)


def sdk(cloud: Emulator, *, secret_key: str = SECRET_KEY, token: str | None = None) -> CosS3Client:
    """Return a client of the SDK that asks the emulator."""
    session = requests.Session()
    session.trust_env = False
    session.mount("https://", ToEmulator(cloud.endpoint))
    config = CosConfig(Region=REGION, SecretId=SECRET_ID, SecretKey=secret_key, Token=token)
    return CosS3Client(config, retry=0, session=session)
