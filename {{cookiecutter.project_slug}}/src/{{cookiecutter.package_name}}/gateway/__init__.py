"""Which model answers?"""

from .catalogue import Catalogue, Deployment, ModelsFile, Route, build_catalogue
from .chain import ChainGateway
from .direct import DirectGateway
from .failure import AttemptFailed, Failure
from .gateway import Answer, Attempt, Chunk, Gateway, PermittedCall, Usage
from .litellm import LiteLLMGateway, LiteLLMLibrary
from .messages import ChatRequest, Message
from .permit import Permit
from .scripted import ScriptedGateway

__all__ = [
    "Answer",
    "Attempt",
    "AttemptFailed",
    "Catalogue",
    "ChainGateway",
    "ChatRequest",
    "Chunk",
    "Deployment",
    "DirectGateway",
    "Failure",
    "Gateway",
    "LiteLLMGateway",
    "LiteLLMLibrary",
    "Message",
    "ModelsFile",
    "Permit",
    "PermittedCall",
    "Route",
    "ScriptedGateway",
    "Usage",
    "build_catalogue",
]
