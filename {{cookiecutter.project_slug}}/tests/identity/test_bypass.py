"""Whatever the request line and Host say, the verdict is the plain path's: nothing decides by a text a caller can bend.

CVE-2026-48710: authorisation by `request.url.path` was led astray by the Host header.
"""

import asyncio
from urllib.parse import urlsplit

import pytest

from tests.service import Service

FORBIDDEN = "/v1/models"  # to olga, an auditor
TARGETS = [
    "//v1/models",
    "///v1///models",
    "/v1//models",
    "/v1/./models",
    "/v1/../v1/models",
    "/livez/../v1/models",
    "/v1/me/../models",
    "/v1/%2e%2e/v1/models",
    "/livez/%2e%2e/v1/models",
    "/livez%2f..%2fv1/models",
    "/v1%2fmodels",
    "/v1%252fmodels",
    "/%76%31/models",
    "/v1/models/",
    "/v1/models//",
    "/v1/models/.",
    "/v1/models;x",
    "/v1/models;/livez",
    "/livez;/v1/models",
    "/v1;x=1/models",
    "/V1/MODELS",
    "/v1/Models",
    "/v1/models%00",
    "/v1/models%0a",
    "/v1/models%20",
    "/v1/models%3f",
    "/v1/models%23",
    "/v1/models.json",
    "/v1/models?x=/livez",
    "/v1/models?/../../livez",
    "/v1/models#/livez",
    "/v1\\models",
    "/v1/model%73",
    "/v1/\u217eodels",
    "http://livez/v1/models",
    "http://127.0.0.1/livez/../v1/models",
    "*",
]
HOSTS = [
    "x/livez?",
    "x/livez#",
    "x/livez",
    "x/v1/me?",
    "x?",
    "x#",
    "x@127.0.0.1",
    "x:80/livez?",
    "[::1]/livez?",
    "x\\livez",
    "x, 127.0.0.1",
    "evil.test",
    "..",
    "",
]
STEERING = [
    "X-Original-URL: {0}",
    "X-Rewrite-URL: {0}",
    "X-Original-URI: {0}",
    "X-Forwarded-Uri: {0}",
    "X-Forwarded-Path: {0}",
    "X-Forwarded-Prefix: {0}",
    "X-Script-Name: /livez",
    "X-Forwarded-Host: x{0}?",
    "X-Host: x{0}?",
    "Forwarded: host=x{0}?;for=127.0.0.1;proto=https",
    "X-Forwarded-For: 127.0.0.1",
    "X-Real-IP: 127.0.0.1",
    "X-HTTP-Method-Override: GET",
    "X-HTTP-Method: GET",
    "X-Method-Override: GET",
]
METHODS = ["HEAD", "OPTIONS", "TRACE", "PUT", "PATCH", "DELETE", "CONNECT", "PROPFIND", "get", "POST /x HTTP/1.1"]
PROTECTED = ["/v1/me", "/v1/models", "/v1/chat/completions"]


async def raw(service: Service, line: str, *headers: str, host: str | None = "127.0.0.1") -> tuple[int, str]:
    """Status and whole answer to a request that no client library would send."""
    address = urlsplit(service.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    lines = [f"{line} HTTP/1.1", *([] if host is None else [f"Host: {host}"]), *headers, "Connection: close"]
    writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
    async with asyncio.timeout(5):
        answer = (await reader.read()).decode(errors="replace")
    writer.close()
    return int(answer.split(" ", 2)[1]), answer


def of(service: Service, who: str) -> str:
    return f"Authorization: Bearer {service.issuer.token(who)}"


def assert_no_data(answer: str) -> None:
    assert '"object":"list"' not in answer
    assert '"subject"' not in answer


async def test_the_plain_path_answers_who_may_and_refuses_who_may_not(standing: Service) -> None:
    assert (await raw(standing, f"GET {FORBIDDEN}", of(standing, "ada")))[0] == 200
    assert (await raw(standing, f"GET {FORBIDDEN}", of(standing, "olga")))[0] == 403
    assert (await raw(standing, f"GET {FORBIDDEN}"))[0] == 401


@pytest.mark.parametrize("target", TARGETS)
async def test_no_spelling_of_a_path_gives_more(standing: Service, target: str) -> None:
    status, answer = await raw(standing, f"GET {target}", of(standing, "olga"))
    assert status in (400, 403, 404)
    assert_no_data(answer)
    status, answer = await raw(standing, f"GET {target}")
    assert status in (400, 401, 404)
    assert_no_data(answer)


@pytest.mark.parametrize("host", HOSTS)
async def test_no_host_gives_more(standing: Service, host: str) -> None:
    assert (await raw(standing, f"GET {FORBIDDEN}", of(standing, "olga"), host=host))[0] in (400, 403)
    status, answer = await raw(standing, f"GET {FORBIDDEN}", host=host)
    assert status in (400, 401)
    assert "evil.test" not in answer
    assert "livez?" not in answer


async def test_no_host_and_two_hosts_give_no_more(standing: Service) -> None:
    assert (await raw(standing, f"GET {FORBIDDEN}", host=None))[0] in (400, 401)
    assert (await raw(standing, f"GET {FORBIDDEN}", "Host: x/livez?", of(standing, "olga")))[0] in (400, 403)


@pytest.mark.parametrize("header", STEERING)
async def test_no_header_leads_to_another_path_or_method(standing: Service, header: str) -> None:
    elsewhere = header.format("/livez")
    assert (await raw(standing, f"GET {FORBIDDEN}", elsewhere, of(standing, "olga")))[0] == 403
    assert (await raw(standing, f"GET {FORBIDDEN}", elsewhere))[0] == 401
    for who in ("ada", "olga"):
        status, answer = await raw(standing, "GET /livez", header.format(FORBIDDEN), of(standing, who))
        assert (status, "alive" in answer) == (200, True)
    assert (await raw(standing, f"POST {FORBIDDEN}", header.format(FORBIDDEN), of(standing, "ada")))[0] == 405


@pytest.mark.parametrize("path", PROTECTED)
@pytest.mark.parametrize("method", METHODS)
async def test_no_other_method_gives_data(standing: Service, method: str, path: str) -> None:
    for headers in ([], [of(standing, "olga")], [of(standing, "ada")]):
        status, answer = await raw(standing, f"{method} {path}", *headers)
        assert status in (400, 401, 404, 405)
        assert_no_data(answer)
        assert "Bearer ey" not in answer, "TRACE would show the token to whoever made a browser send it"
