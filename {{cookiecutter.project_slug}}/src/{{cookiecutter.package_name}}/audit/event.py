import json
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

TIME = "%Y-%m-%dT%H:%M:%S.%fZ"
Json = str | int | bool | None | list["Json"] | dict[str, "Json"]


class Kind(StrEnum):
    LOADED = "loaded"  # a process has started with this configuration
    STARTED = "started"  # a call was permitted, and nothing has been sent yet
    FINISHED = "finished"  # how it ended
    RAN = "ran"  # a tool was run for it, or was not, as the model asked
    REFUSED = "refused"  # a request was decided against
    LOGGED_IN = "logged_in"  # a browser's session began
    LOGGED_OUT = "logged_out"  # the person or an operator ended the session
    RATED = "rated"  # somebody said whether an answer was any good
    DISCLOSED = "disclosed"  # an operator read what was said of it
    EXPIRED = "expired"  # words of ratings were removed at the end of their retention
    SWITCHED = "switched"  # a deployment, route or tenant was stopped or started
    EXPORTED = "exported"  # the trail was copied into a file
    RETAINED = "retained"  # old records were removed
    EVALUATED = "evaluated"  # the answers of a version were judged
    ACKNOWLEDGED = "acknowledged"  # somebody knows that records were lost, and goes on


def new_call_id() -> str:
    return secrets.token_hex(16)


def now() -> str:
    """RFC 3339, UTC, microseconds: always 27 characters, so that text order is time order."""
    return datetime.now(UTC).strftime(TIME)


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """`details` holds what the kind calls for. Money is whole micro-dollars: the canonical form knows no fractions."""

    kind: Kind
    call_id: str
    tenant: str | None = None
    subject: str | None = None
    trace_id: str | None = None
    details: dict[str, Json] = field(default_factory=dict)
    at: str = field(default_factory=now)

    def body(self, writer: str, seq: int) -> str:
        """Canonical JSON: names sorted, no white space, ASCII only. What is hashed is this text, byte for byte."""
        record: dict[str, Json] = {
            **self.details,
            "writer": writer,
            "seq": seq,
            "at": self.at,
            "kind": str(self.kind),
            "call_id": self.call_id,
            "tenant": self.tenant,
            "subject": self.subject,
            "trace_id": self.trace_id,
        }
        return json.dumps(record, sort_keys=True, separators=(",", ":"), allow_nan=False)
