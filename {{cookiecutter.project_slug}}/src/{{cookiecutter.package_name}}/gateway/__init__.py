"""Which model answers?"""

from .catalogue import Catalogue, Deployment, Route, build_catalogue
from .chain import ChainGateway
from .direct import DirectGateway
from .failure import AttemptFailed, Failure
from .gateway import Answer, Attempt, Chunk, Gateway, PermittedCall, Usage, Vectors
from .litellm import LiteLLMGateway
from .litellm_library import LiteLLMLibrary
from .messages import ChatRequest, EmbeddingRequest, Message, ModelRequest, R, ResponseFormat, ToolCall, ToolDescription
from .modelsfile import ModelsFile
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
    "EmbeddingRequest",
    "Failure",
    "Gateway",
    "LiteLLMGateway",
    "LiteLLMLibrary",
    "Message",
    "ModelRequest",
    "ModelsFile",
    "Permit",
    "PermittedCall",
    "R",
    "ResponseFormat",
    "Route",
    "ScriptedGateway",
    "ToolCall",
    "ToolDescription",
    "Usage",
    "Vectors",
    "build_catalogue",
]
