"""The identity provider over HTTP, tried as a client that follows the rules and as one that does not."""

import secrets
from typing import Any

import pytest
from aiohttp import ClientSession
from joserfc.errors import InvalidKeyIdError

from local.sign_in import SignInError, access_token, service_token
from local.stack import Stack
from tests.local.relying_party import control, question, redeem, redeem_code, returned, signed_in, verified


async def test_discovery_names_its_issuer_and_reachable_endpoints(stack: Stack, http: ClientSession) -> None:
    async with http.get(f"{stack.issuer}/.well-known/openid-configuration") as answer:
        found = await answer.json()
    assert found["issuer"] == stack.issuer
    assert found["code_challenge_methods_supported"] == ["S256"]
    for name in ("authorization_endpoint", "token_endpoint", "userinfo_endpoint", "end_session_endpoint"):
        async with http.get(found[name]) as answer:
            assert answer.status != 404


async def test_code_flow_issues_tokens_for_the_person(stack: Stack, http: ClientSession) -> None:
    status, tokens = await signed_in(stack, http)
    assert status == 200
    token = await verified(stack, http, tokens["access_token"])
    assert token.header["typ"] == "at+jwt"
    expected = {"iss": stack.issuer, "sub": "ada", "aud": stack.audience, "client_id": "web"}
    assert expected.items() <= token.claims.items()
    assert (token.claims["roles"], token.claims["tenant"]) == (["employee"], "acme")
    assert token.claims["exp"] > token.claims["iat"]
    assert {"jti", "scope"} <= token.claims.keys()
    identity = await verified(stack, http, tokens["id_token"])
    assert identity.header["kid"] == token.header["kid"]
    assert (identity.claims["aud"], identity.claims["nonce"]) == ("web", "a-nonce")
    assert identity.claims["email"] == "ada@acme.example"


async def test_authorization_response_names_state_and_issuer(stack: Stack, http: ClientSession) -> None:
    answer = await returned(stack, http, question(stack))
    assert (answer["state"], answer["iss"]) == ("a-state", stack.issuer)


async def test_page_lists_people_and_preselects_the_hinted_one(stack: Stack, http: ClientSession) -> None:
    async with http.get(f"{stack.issuer}/authorize", params=question(stack, login_hint="olga")) as answer:
        page = await answer.text()
    assert page.count('type="radio"') == 6
    assert 'checked value="olga"' in page


async def test_nobody_is_signed_in_already(stack: Stack, http: ClientSession) -> None:
    asked = question(stack, prompt="none")
    async with http.get(f"{stack.issuer}/authorize", params=asked, allow_redirects=False) as answer:
        assert "error=login_required" in answer.headers["Location"]


async def test_page_shows_what_it_was_given_as_text(stack: Stack, http: ClientSession) -> None:
    asked = question(stack, state="\"><script>alert('x')</script>")
    async with http.post(f"{stack.issuer}/authorize", params=asked, data={"person": "<b>bob"}) as answer:
        page = await answer.text()
    assert answer.status == 400
    assert "<script>" not in page
    assert "<b>bob" not in page


@pytest.mark.parametrize("missing", ["code_challenge", "code_challenge_method"])
async def test_confidential_client_without_pkce_is_refused(stack: Stack, http: ClientSession, missing: str) -> None:
    answer = await returned(stack, http, question(stack, **{missing: ""}))
    assert (answer["error"], answer["iss"]) == ("invalid_request", stack.issuer)
    assert "code" not in answer


async def test_plain_pkce_is_refused(stack: Stack, http: ClientSession) -> None:
    answer = await returned(stack, http, question(stack, code_challenge_method="plain"))
    assert answer["error"] == "invalid_request"


async def test_wrong_verifier_is_refused(stack: Stack, http: ClientSession) -> None:
    status, body = await signed_in(stack, http, verifier=secrets.token_urlsafe(48))
    assert (status, body["error"]) == (400, "invalid_grant")


async def test_code_works_once(stack: Stack, http: ClientSession) -> None:
    code = (await returned(stack, http, question(stack)))["code"]
    first, _ = await redeem_code(stack, http, code)
    second, body = await redeem_code(stack, http, code)
    assert (first, second, body["error"]) == (200, 400, "invalid_grant")


@pytest.mark.parametrize(
    ("client", "uri"),
    [
        ("web", "http://127.0.0.1:1/callback"),
        ("web", "https://evil.example/callback"),
        ("cli", "http://127.0.0.1:4000@evil.example/callback"),
        ("cli", "http://127.0.0.1:4000/callback/../else"),
        ("cli", "http://localhost.evil.example:4000/callback"),
        ("nobody", "http://127.0.0.1:4000/callback"),
    ],
)
async def test_nobody_is_sent_to_an_unregistered_address(
    stack: Stack, http: ClientSession, client: str, uri: str
) -> None:
    asked = question(stack, client_id=client, redirect_uri=uri)
    where = f"{stack.issuer}/authorize"
    async with http.post(where, params=asked, data={"person": "ada"}, allow_redirects=False) as answer:
        assert answer.status in {400, 401}
        assert "Location" not in answer.headers


async def test_wrong_client_secret_is_refused(stack: Stack, http: ClientSession) -> None:
    form = {"grant_type": "client_credentials", "client_id": "eval", "client_secret": "guessed"}
    status, body = await redeem(stack, http, **form)
    assert (status, body["error"]) == (401, "invalid_client")


async def test_refresh_token_rotates_and_its_replay_is_refused(stack: Stack, http: ClientSession) -> None:
    _, tokens = await signed_in(stack, http)
    status, renewed = await redeem(stack, http, grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert status == 200
    assert renewed["refresh_token"] != tokens["refresh_token"]
    status, body = await redeem(stack, http, grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert (status, body["error"]) == (400, "invalid_grant")
    form = {"grant_type": "refresh_token", "refresh_token": renewed["refresh_token"], "client_id": "cli"}
    status, _ = await redeem(stack, http, **form)
    assert status == 400  # issued to another client


async def test_evaluation_client_gets_a_token_of_its_own(stack: Stack, http: ClientSession) -> None:
    token = await verified(stack, http, await service_token(stack.issuer, "eval", "local-eval-secret"))
    assert (token.claims["sub"], token.claims["roles"], token.claims["tenant"]) == ("eval", ["employee"], "acme")
    with pytest.raises(SignInError, match="invalid_client"):
        await service_token(stack.issuer, "eval", "guessed")


EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"


async def exchanged(stack: Stack, http: ClientSession, token: str, **changed: str) -> tuple[int, dict[str, Any]]:
    usual = {"subject_token": token, "subject_token_type": ACCESS_TOKEN, "audience": "staff-directory"}
    return await redeem(stack, http, **{"grant_type": EXCHANGE, **usual, **changed})


async def test_a_person_s_token_is_exchanged_for_another_service(stack: Stack, http: ClientSession) -> None:
    status, answer = await exchanged(stack, http, mine := await access_token(stack.issuer, "eve"))
    assert (status, answer["issued_token_type"]) == (200, ACCESS_TOKEN)
    assert "refresh_token" not in answer
    before, after = (await verified(stack, http, mine)), await verified(stack, http, answer["access_token"])
    assert (after.header["typ"], after.claims["aud"], after.claims["act"]) == (
        "at+jwt",
        "staff-directory",
        {"sub": "web"},
    )
    for name in ("iss", "sub", "tenant", "roles"):
        assert after.claims[name] == before.claims[name]
    assert after.claims["exp"] <= before.claims["exp"]
    assert after.claims["jti"] != before.claims["jti"]
    status, again = await exchanged(stack, http, answer["access_token"])
    assert (status, again["error"]) == (400, "invalid_request")  # it was not made for this service


@pytest.mark.parametrize(
    ("changed", "status", "error"),
    [
        ({"audience": "payroll"}, 400, "invalid_target"),
        ({"audience": ""}, 400, "invalid_target"),
        ({"subject_token": "a.b.c"}, 400, "invalid_request"),
        ({"subject_token_type": "urn:ietf:params:oauth:token-type:id_token"}, 400, "invalid_request"),
        ({"actor_token": "x"}, 400, "invalid_request"),
        ({"client_id": "eval", "client_secret": "local-eval-secret"}, 400, "unauthorized_client"),
        ({"client_id": "cli"}, 401, "invalid_client"),
        ({"client_id": "web", "client_secret": "guessed"}, 401, "invalid_client"),
    ],
    ids=str,
)
async def test_an_exchange_that_does_not_fit_is_refused(
    stack: Stack, http: ClientSession, changed: dict[str, str], status: int, error: str
) -> None:
    answered = await exchanged(stack, http, await access_token(stack.issuer, "ada"), **changed)
    assert (answered[0], answered[1]["error"]) == (status, error)


async def test_an_id_token_and_an_expired_token_are_not_exchanged(stack: Stack, http: ClientSession) -> None:
    _, tokens = await signed_in(stack, http)
    await control(stack, http, "expire", {"seconds": -10})
    late = await access_token(stack.issuer, "ada")
    await control(stack, http, "expire", {"seconds": 3600})
    for token in (tokens["id_token"], late):
        assert (await exchanged(stack, http, token))[0] == 400


async def test_signing_in_from_a_program_walks_the_code_flow(stack: Stack, http: ClientSession) -> None:
    token = await verified(stack, http, await access_token(stack.issuer, "eve"))
    assert (token.claims["sub"], token.claims["tenant"], token.claims["client_id"]) == ("eve", "globex", "cli")
    with pytest.raises(SignInError, match="Nobody here is called 'bob'"):
        await access_token(stack.issuer, "bob")


async def test_signing_in_without_a_provider_says_how_to_start_it() -> None:
    with pytest.raises(SignInError, match="`make serve` starts it"):
        await access_token("http://127.0.0.1:1", "ada")


async def test_userinfo_answers_to_access_tokens_only(stack: Stack, http: ClientSession) -> None:
    _, tokens = await signed_in(stack, http)
    statuses = []
    for kind in ("access_token", "id_token"):
        bearer = {"Authorization": f"Bearer {tokens[kind]}"}
        async with http.get(f"{stack.issuer}/userinfo", headers=bearer) as answer:
            statuses.append(answer.status)
            if answer.status == 200:
                assert (await answer.json())["sub"] == "ada"
    assert statuses == [200, 401]


async def test_logout_returns_to_a_registered_address_only(stack: Stack, http: ClientSession) -> None:
    home = f"http://127.0.0.1:{stack.service_port}/"
    _, tokens = await signed_in(stack, http)
    for uri, location in ((home, f"{home}?state=s"), ("https://evil.example/", None)):
        asked = {"id_token_hint": tokens["id_token"], "post_logout_redirect_uri": uri, "state": "s"}
        async with http.get(f"{stack.issuer}/logout", params=asked, allow_redirects=False) as answer:
            assert answer.headers.get("Location") == location


async def test_old_key_verifies_until_it_is_retired(stack: Stack, http: ClientSession) -> None:
    old = await access_token(stack.issuer, "ada")
    await control(stack, http, "rotate")
    new = await access_token(stack.issuer, "ada")
    kids = {(await verified(stack, http, token)).header["kid"] for token in (old, new)}
    assert len(kids) == 2
    await control(stack, http, "retire")
    await verified(stack, http, new)
    with pytest.raises(InvalidKeyIdError):
        await verified(stack, http, old)


async def test_lifetime_of_tokens_can_be_set(stack: Stack, http: ClientSession) -> None:
    await control(stack, http, "expire", {"seconds": -10})
    claims = (await verified(stack, http, await access_token(stack.issuer, "ada"))).claims
    await control(stack, http, "expire", {"seconds": 3600})
    assert claims["exp"] - claims["iat"] == -10


async def test_down_is_down_except_for_the_way_up(stack: Stack, http: ClientSession) -> None:
    await control(stack, http, "down")
    async with http.get(f"{stack.issuer}/jwks") as answer:
        assert answer.status == 503
    await control(stack, http, "up")
    async with http.get(f"{stack.issuer}/jwks") as answer:
        assert answer.status == 200
