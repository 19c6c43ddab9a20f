from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, StringConstraints, model_validator
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from ..audit import TIME, AuditEvent, Json, Kind, Search, Trail, search
from ..database import Writer
from ..errors import AuditUnavailable, NotFound
from ..governance import Limits, Policy, each_text, open_scrub
from ..identity import Principal, Seal
from ..telemetry import Metrics, names
from .ratings import Rating, Ratings

PREFIX = "chatcmpl-"


class Turn(BaseModel, extra="forbid"):
    role: Literal["system", "user", "assistant"]
    content: Annotated[str, StringConstraints(max_length=50_000)]


class Said(BaseModel, extra="forbid"):
    """`score`: 0 (useless) to 1 (just right). `conversation` only if the person chose to share it."""

    response_id: Annotated[str, Field(pattern=rf"^{PREFIX}[0-9a-f]{{32}}$")]
    score: Annotated[float, Field(ge=0, le=1, strict=True, allow_inf_nan=False)]
    comment: Annotated[str, StringConstraints(max_length=2_000)] | None = None
    conversation: Annotated[list[Turn], Field(max_length=100)] | None = None

    @model_validator(mode="after")
    def _ends_with_question_and_answer(self) -> Said:
        turns = self.conversation
        if turns is not None and [turn.role for turn in turns[-2:]] != ["user", "assistant"]:
            raise ValueError("conversation must end with the question and its answer")
        return self

    def words(self) -> dict[str, Any] | None:
        return self.model_dump(include={"comment", "conversation"}, exclude_none=True) or None


@dataclass(frozen=True)
class Kept:
    """Stores comments and conversations redacted by every rule, whatever the class, and encrypted, for `days` days."""

    policy: Policy
    seal: Seal
    days: int

    def sealed(self, said: Said, call_id: str) -> bytes | None:
        words = said.words()
        scrubbed = each_text(words, open_scrub(*self.policy.patterns))
        return self.seal.close(json.dumps(scrubbed).encode(), call_id) if words else None


@dataclass(frozen=True)
class Feedback:
    kept: Kept
    limits: Limits
    engine: Engine
    trail: Trail
    ratings: Ratings
    writer: Writer
    metrics: Metrics

    async def give(self, caller: Principal, said: Said) -> Rating:
        """Raises NotFound unless this caller got that answer; it does not reveal whether somebody else did."""
        await self.limits.admit(caller, self.kept.policy.limits(caller), 0)
        call_id = said.response_id.removeprefix(PREFIX)
        started, finished = await self._call(caller, call_id)
        at = datetime.now(UTC)
        rating = Rating(
            call_id=call_id,
            at=at.strftime(TIME),
            tenant=caller.tenant,
            model=started["model"],
            deployment=finished["deployment"],
            data_class=started["data_class"],
            score=said.score,
            expires=(at + timedelta(days=self.kept.days)).strftime(TIME),
            sealed=self.kept.sealed(said, call_id),
        )
        await self.writer.commit({self.trail: self._event(caller, rating, said), self.ratings: rating})
        self.metrics.feedback.record(
            said.score, {names.ROUTE: started["route"], names.DEPLOYMENT: finished["deployment"]}
        )
        return rating

    async def _call(self, caller: Principal, call_id: str) -> tuple[dict[str, Any], dict[str, Any]]:
        kinds = (Kind.STARTED, Kind.FINISHED)
        wanted = Search(caller.tenant, caller.subject, call=call_id, kinds=kinds)
        try:
            records, _ = await asyncio.to_thread(search, self.engine, wanted)
        except SQLAlchemyError:
            raise AuditUnavailable("The audit trail cannot be read now; try again shortly.", retry_after=5) from None
        found = {record["kind"]: record for record in records}
        if found.keys() != set(kinds) or found[Kind.FINISHED]["outcome"] != "answered":
            raise NotFound("No answer that you got has this id; take it from the answer's field 'id'.")
        return found[Kind.STARTED], found[Kind.FINISHED]

    def _event(self, caller: Principal, rating: Rating, said: Said) -> AuditEvent:
        details: dict[str, Json] = {
            "score_percent": round(rating.score * 100),
            "commented": said.comment is not None,
            "shared": said.conversation is not None,
            "expires": rating.expires,
        }
        return AuditEvent(Kind.RATED, rating.call_id, caller.tenant, caller.subject, details=details, at=rating.at)
