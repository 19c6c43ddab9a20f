"""A deployment that speaks OpenAI's wire format, with no translator between: one aiohttp session for all."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import aiohttp
import orjson

from .catalogue import Deployment
from .failure import AttemptFailed, Failure
from .gateway import Answer, Chunk, PermittedCall, Usage, sane_usage
from .sse import LARGEST_STREAM, TooMuch, events
from .upstream import pieces, read, send
