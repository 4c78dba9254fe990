"""Filter patterns of CloudWatch Logs; only patterns of terms are supported."""

import re

_TERM = re.compile(r'([-?]?)(?:"((?:\\.|[^"\\])*)"|(\S+))')


def matches_pattern(pattern: str, message: str) -> bool:
    """Return whether a message contains every plain term, at least one `?` term if any, and no `-` term.

    A term in quotes is a phrase. Patterns for JSON (`{…}`) and for fields (`[…]`) are not supported and match nothing.
    """
    if pattern[:1] in {"{", "["}:
        return False
    required: list[str] = []
    optional: list[str] = []
    forbidden: list[str] = []
    for sign, phrase, word in _TERM.findall(pattern):
        term = re.sub(r"\\(.)", r"\1", phrase) if phrase else word
        {"": required, "?": optional, "-": forbidden}[sign].append(term)
    if any(term in message for term in forbidden) or not all(term in message for term in required):
        return False
    return not optional or any(term in message for term in optional)
