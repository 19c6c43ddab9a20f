"""Controls of incoming and outgoing HTTP, and of the configuration at start."""

from typing import Any

from starlette.responses import HTMLResponse
from starlette.types import Receive, Scope, Send

from assurance.controls.absence import Absence, instead


async def _pass_on(layer: Any, scope: Scope, receive: Receive, send: Send) -> None:
    await layer._app(scope, receive, send)


ABSENCES = {
    "body-limit": Absence("api.admission", "BodyLimit.__call__", instead(_pass_on)),
    "in-flight-cap": Absence("api.admission", "InFlightCap.__call__", instead(_pass_on)),
    "page-policy": Absence("web.pages", "HTMLResponse", instead(lambda text, status, _: HTMLResponse(text, status))),
    "production-settings": Absence("settings", "Settings.faults", instead(lambda _: [])),
}
