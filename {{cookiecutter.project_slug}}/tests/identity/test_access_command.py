"""`access explain` and `access request`, as a person runs them."""

import asyncio

from tests.command import run
from tests.service import CONFIG, Service


async def test_explaining_an_accepted_token_tells_roles_and_what_is_missing(service: Service) -> None:
    token = service.issuer.token("grace")
    issuer = service.issuer.url
    shown = await asyncio.to_thread(run, "access", "explain", token, OIDC_ISSUER=issuer, CONFIG_DIR=str(CONFIG))
    assert shown.returncode == 0, shown.stderr
    assert "accepted: grace of acme" in shown.stdout
    assert "role analyst: by the claim roles: analyst" in shown.stdout
    assert "may not audit:read: the roles auditor have it, and the token gives analyst" in shown.stdout


async def test_explaining_a_token_of_another_issuer_tells_why_it_is_refused(service: Service) -> None:
    token = service.issuer.token("grace", iss="https://another.example")
    issuer = service.issuer.url
    shown = await asyncio.to_thread(run, "access", "explain", token, OIDC_ISSUER=issuer, CONFIG_DIR=str(CONFIG))
    assert shown.returncode == 1
    assert "another issuer made it" in shown.stdout
    _, *others = shown.stdout.splitlines()
    assert "if it were accepted: role analyst: by the claim roles: analyst" in others
    assert all(line.startswith("if it were accepted: ") for line in others)
    assert token not in shown.stdout + shown.stderr


def test_the_ticket_for_the_identity_team_names_addresses_roles_and_reasons() -> None:
    shown = run("access", "request", "--provider", "entra", PUBLIC_URL="https://ask.example", CONFIG_DIR=str(CONFIG))
    assert shown.returncode == 0, shown.stderr
    for part in ("https://ask.example/callback", "the-service", "employee, analyst", "Why: ", "docs/identity/entra.md"):
        assert part in shown.stdout


def test_a_ticket_without_an_address_says_what_it_lacks() -> None:
    shown = run("access", "request", "--provider", "entra", CONFIG_DIR=str(CONFIG))
    assert shown.returncode == 0, shown.stderr
    assert "give --public-url" in shown.stderr
    assert "http://127.0.0.1:8000/callback" in shown.stdout


def test_an_unknown_provider_is_answered_with_those_that_there_are() -> None:
    shown = run("access", "request", "--provider", "x", PUBLIC_URL="https://ask.example", CONFIG_DIR=str(CONFIG))
    assert shown.returncode == 2
    assert "auth0, cognito, entra, google, keycloak, okta" in shown.stderr
