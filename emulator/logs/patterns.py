"""Filter patterns of CloudWatch Logs, as far as they are made of terms."""

import re

_TERM = re.compile(r'([-?]?)(?:"((?:\\.|[^"\\])*)"|(\S+))')


def matches(pattern: str, message: str) -> bool:
    """Whether a message holds every term, one of those with `?` if there are any, and none of those with `-`.

    A term in quotes is a phrase. Patterns for JSON (`{…}`) and for fields (`[…]`) are not read: they match nothing.
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
