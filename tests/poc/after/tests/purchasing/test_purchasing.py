from pathlib import Path
from typing import Any

from acme_assistant.configfile import Faults
from acme_assistant.purchasing import load_documents

from tests.official_client import whole_and_streamed
from tests.service import Service

DISCOUNT = "Which discount do we want from suppliers of laptops?"


async def said(service: Service, text: str, who: str) -> tuple[str, dict[str, Any]]:
    """The answer's words, and its receipt."""
    answer = await service.ask(text, who=who, model="purchasing")
    assert answer.status_code == 200, answer.text
    return answer.json()["choices"][0]["message"]["content"], answer.json()["receipt"]


async def test_a_document_answers_and_is_named(service: Service) -> None:
    text, _ = await said(service, "When are invoices paid?", "ada")
    assert "30 days" in text
    assert "[Payment terms]" in text


async def test_targets_are_sent_only_for_who_may_read_them(service: Service) -> None:
    text, receipt = await said(service, DISCOUNT, "ada")
    sent = (await service.upstream.stats())["last"]["messages"][0]["content"]
    assert "18 percent" not in text + sent
    assert receipt["data_class"] == "internal"
    text, receipt = await said(service, DISCOUNT, "grace")
    assert "18 percent" in text
    assert receipt["data_class"] == "confidential"


async def test_an_order_is_told_to_who_ordered_it(service: Service) -> None:
    for who, expected in (("ada", "shipped"), ("grace", "There is no such order.")):
        text, _ = await said(service, "What is the status of order 4711?", who)
        assert expected in text
    assert [one["tool"] for one in service.records("ran")] == ["order_status"] * 2


async def test_the_trail_tells_which_prompt_was_used(service: Service) -> None:
    await said(service, "When are invoices paid?", "ada")
    assert service.records("started")[-1]["prompt"]["name"] == "answer"


async def test_without_a_question_there_is_no_answer(service: Service) -> None:
    answer = await service.ask(model="purchasing", messages=[{"role": "system", "content": "x"}])
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "messages")


def test_a_document_without_its_class_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("no front matter", encoding="utf-8")
    faults = Faults()
    load_documents(tmp_path, ["internal"], faults)
    assert [fault.partition(":")[0] for fault in faults.found] == [f"{tmp_path.name}/a.md"]


async def test_the_official_client_completes_and_streams(service: Service) -> None:
    whole, streamed = await whole_and_streamed(service, "purchasing")
    assert whole == streamed != ""
