"""Amazon Bedrock's Converse and ConverseStream, held against botocore's own model of the service."""

import binascii
import json
import re
import struct
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

import botocore.session
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.validate import ParamValidator

from tests.conformance.wires.wire import JSON, SECRET, Asked, Received, Refusal, Said, demand, only, vector

ACCESS_KEY, ACCESS_SECRET = "AKIAEXAMPLE", "an-access-secret"
_PATH = re.compile(r"/model/([^/]+)/(converse|converse-stream)")
_SIGNED = re.compile(r"AWS4-HMAC-SHA256 Credential=([^/]+)/\d+/([^/]+)/bedrock/aws4_request, SignedHeaders=([^,]+), .*")
_STOP = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use", "content_filter": "guardrail_intervened"}
_SERVICE = botocore.session.get_session().get_service_model("bedrock-runtime")
_CONVERSE = {
    "converse": _SERVICE.operation_model("Converse"),
    "converse-stream": _SERVICE.operation_model("ConverseStream"),
}


def _refusal(status: int, kind: str, message: str) -> Refusal:
    return Refusal(status, {"message": f"{message} {SECRET}"}, {"x-amzn-ErrorType": kind})


def event(kind: str, payload: JSON, exception: bool = False) -> bytes:
    """One message of vnd.amazon.eventstream: lengths, headers, payload, and a checksum over each."""
    sort, name = ("exception", ":exception-type") if exception else ("event", ":event-type")
    headers = b"".join(
        struct.pack("!B", len(key)) + key.encode() + struct.pack("!BH", 7, len(value)) + value.encode()
        for key, value in ((name, kind), (":content-type", "application/json"), (":message-type", sort))
    )
    body = json.dumps(payload).encode()
    prelude = struct.pack("!II", 16 + len(headers) + len(body), len(headers))
    checked = prelude + struct.pack("!I", binascii.crc32(prelude))
    message = checked + headers + body
    return message + struct.pack("!I", binascii.crc32(message))


class BedrockWire:
    """Its rate limit says nothing about waiting."""

    stream_type = "application/vnd.amazon.eventstream"
    refusals: Mapping[str, Refusal | None] = {
        "too long": _refusal(400, "ValidationException", "Input is too long for requested model."),
        "bad key": _refusal(403, "UnrecognizedClientException", "The security token included is invalid."),
        "rate limit": _refusal(429, "ThrottlingException", "Too many requests, please wait before trying again."),
        "server error": _refusal(503, "ServiceUnavailableException", "Bedrock is unable to process your request."),
    }
    filtered: tuple[Said | Refusal, ...] = (Said("Well", finish="content_filter"),)
    fault_mid_stream: bytes | None = event("throttlingException", {"message": f"Too many requests {SECRET}"}, True)

    def read(self, received: Received) -> Asked:
        body, path = received.body, _PATH.fullmatch(received.path)
        demand(path is not None, f"{received.path} is no operation of a model")
        assert path
        _demand_signature(received)
        shape = _CONVERSE[path[2]].input_shape
        report = ParamValidator().validate({**body, "modelId": unquote(path[1])}, shape)
        demand(not report.has_errors(), report.generate_report())
        unknown = body.keys() - shape.members.keys()
        demand(not unknown, f"the format has no {unknown}")
        return _meant(unquote(path[1]), path[2] == "converse-stream", body)

    def embed(self, received: Received) -> JSON | None:
        """Titan's, which takes one text at a time."""
        if not received.path.endswith("/invoke"):
            return None
        _demand_signature(received)
        only(received.body, {"inputText", "dimensions", "normalize", "embeddingTypes"})
        text = received.body["inputText"]
        return {"embedding": vector(text), "inputTextTokenCount": 4 if text == "leave" else 5}

    def plain(self, asked: Asked, said: Said) -> JSON:
        content: list[JSON] = [{"text": said.text}] if said.text else []
        if said.tool:
            content.append({"toolUse": {"toolUseId": "tooluse_4711", "name": said.tool[0], "input": said.tool[1]}})
        message = {"role": "assistant", "content": content}
        ended = {"stopReason": _STOP[said.finish]} if said.finish else {}
        return {"output": {"message": message}, **ended, "usage": _usage(said), "metrics": {"latencyMs": 5}}

    def pieces(self, asked: Asked, said: Said) -> list[bytes]:
        sent: list[tuple[str, JSON]] = [("messageStart", {"role": "assistant"})]
        deltas: list[JSON] = [{"text": piece} for piece in said.pieces()]
        if said.tool:
            start = {"toolUse": {"toolUseId": "tooluse_4711", "name": said.tool[0]}}
            sent.append(("contentBlockStart", {"contentBlockIndex": 0, "start": start}))
            arguments = json.dumps(said.tool[1])
            deltas = [{"toolUse": {"input": part}} for part in (arguments[:4], arguments[4:])]
        sent += [("contentBlockDelta", {"contentBlockIndex": 0, "delta": delta}) for delta in deltas]
        sent.append(("contentBlockStop", {"contentBlockIndex": 0}))
        if said.finish:
            sent.append(("messageStop", {"stopReason": _STOP[said.finish]}))
            sent.append(("metadata", {"usage": _usage(said), "metrics": {"latencyMs": 5}}))
        return [event(kind, payload) for kind, payload in sent]


def _meant(model: str, streamed: bool, body: JSON) -> Asked:
    blocks = [(message["role"], block) for message in body["messages"] for block in message["content"]]
    declared = body.get("toolConfig") or {}
    tools = {tool["toolSpec"]["name"]: tool["toolSpec"] for tool in declared.get("tools", ()) if "toolSpec" in tool}
    forced = ((declared.get("toolChoice") or {}).get("tool") or {}).get("name")
    shape = (body.get("outputConfig") or {}).get("textFormat") or {}
    native = ((shape.get("structure") or {}).get("jsonSchema") or {}).get("schema")
    results = [block["toolResult"] for _, block in blocks if "toolResult" in block]
    return Asked(
        model=model,
        streamed=streamed,
        user=next(block["text"] for role, block in reversed(blocks) if role == "user" and "text" in block),
        limit=(body.get("inferenceConfig") or {}).get("maxTokens"),
        tools=tuple(tools),
        tool_results=tuple((one["toolUseId"], "".join(part["text"] for part in one["content"])) for one in results),
        schema=json.loads(native) if native else tools[forced]["inputSchema"]["json"] if forced else None,
        schema_tool=forced,
    )


def _demand_signature(received: Received) -> None:
    """As the service does it: the signature is made again, over what arrived."""
    found = _SIGNED.fullmatch(received.headers.get("authorization", ""))
    demand(found is not None, "no signature")
    assert found
    headers = {name: received.headers[name] for name in found[3].split(";")}
    url = f"http://{received.headers['host']}{received.path}"
    request: Any = AWSRequest("POST", url, headers=headers, data=received.raw)
    request.context["timestamp"] = received.headers["x-amz-date"]
    auth = SigV4Auth(Credentials(ACCESS_KEY, ACCESS_SECRET), "bedrock", found[2])
    signature = auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request)
    demand(received.headers["authorization"].endswith(f"Signature={signature}"), "another signature")


def _usage(said: Said) -> JSON:
    read, written = said.tokens
    return {"inputTokens": read, "outputTokens": written, "totalTokens": read + written}
