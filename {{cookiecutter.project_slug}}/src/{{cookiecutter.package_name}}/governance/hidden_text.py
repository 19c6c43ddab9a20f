"""What a person does not see but a model reads: in every message and document, whatever the class. docs/redaction.md"""

import re

_LINES = str.maketrans("", "", "\t\n\r")
_JOINERS = "\u200c\u200d"  # emoji, Persian and Indic scripts need them, one at a time
_SELECTORS = "\ufe00-\ufe0f"  # variation selectors; likewise
_NOTHING = (
    "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"  # control characters but tab and line ends
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f"
    "\u3164\ufeff\uffa0\ufff9-\ufffb\U0001d173-\U0001d17a\U000e0000-\U000e0fff"  # tags, of which whole texts are made
)
_INVISIBLE = re.compile(  # one class first, which is searched for fast; which of them it was is asked behind it
    f"[{_NOTHING}{_JOINERS}{_SELECTORS}]"
    f"(?:(?<![{_JOINERS}{_SELECTORS}])"
    f"|(?<=[{_JOINERS}][{_JOINERS}])[{_JOINERS}]*|(?<=[{_SELECTORS}][{_SELECTORS}])[{_SELECTORS}]*)"
)
# The words by which chat templates tell a model who speaks.
_ROLE_MARKER = re.compile(
    r"<\|(?:im_start|im_end|im_sep|system|user|assistant|tool|start|end|message|channel|return|call|constrain|"
    r"begin_of_text|end_of_text|endoftext|endofprompt|start_header_id|end_header_id|eot_id|eom_id)\|>"
    r"|<\uff5c[^\uff5c\n]{1,40}\uff5c>|\[/?INST\]|<</?SYS>>|<(?:start|end)_of_turn>",
    re.IGNORECASE,
)


def visible(text: str) -> str:
    """Without characters that show nothing or turn the direction of writing, and with role markers made visible."""
    if not (text.isascii() and text.translate(_LINES).isprintable()):
        text = _INVISIBLE.sub("", text)
    return _ROLE_MARKER.sub("[role marker]", text)
