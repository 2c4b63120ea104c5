"""Calls of the emulator, signed by the official SDK's signer, and what their answers hold."""

from __future__ import annotations

from typing import Any
from xml.etree.ElementTree import Element

import requests
from defusedxml.ElementTree import fromstring
from qcloud_cos import CosConfig
from qcloud_cos.cos_auth import CosS3Auth

from tests.emulators import REGION, SECRET_ID, SECRET_KEY, Emulator

BUCKET = "media-test-1250000000"
HOST = f"{BUCKET}.ci.{REGION}.myqcloud.com"
LIST = "/inventorytriggerjob"
ANCHOR = 1_795_000_000  # 2026-11-18T20:26:40+0800


def ask(
    cloud: Emulator,
    query: dict[str, str] | None = None,
    *,
    path: str = LIST,
    host: str = HOST,
    method: str = "GET",
    credential: tuple[str, str] = (SECRET_ID, SECRET_KEY),
    headers: dict[str, str] | None = None,
    expire: int = 10_000,
    timeout: float = 10,
) -> requests.Response:
    """A call signed by the official SDK's signer."""
    config = CosConfig(Region=REGION, SecretId=credential[0], SecretKey=credential[1])
    signer = CosS3Auth(config, path, params=query or {}, expire=expire)
    with requests.Session() as session:
        session.trust_env = False
        return session.request(
            method, cloud.endpoint + path, params=query, headers={"Host": host, **(headers or {})}, auth=signer,
            timeout=timeout, allow_redirects=False,
        )  # fmt: skip


def parsed(answer: requests.Response) -> Element:
    assert answer.status_code == 200, answer.text
    root: Element = fromstring(answer.content)
    assert root.tag == "Response"
    return root


def rows(answer: requests.Response) -> list[Element]:
    return parsed(answer).findall("JobsDetail")


def column(answer: requests.Response, name: str) -> list[str]:
    return [row.findtext(name, "") for row in rows(answer)]


def refusal(answer: requests.Response) -> tuple[int, str]:
    root = fromstring(answer.content)
    assert root.tag == "Error"
    return answer.status_code, root.findtext("Code", "")


def faulty(cloud: Emulator, kind: str, **parameters: Any) -> None:
    cloud.create_bucket(BUCKET, jobs=40)
    cloud.fault(BUCKET, kind, **parameters)
