"""The detail of a failed verification in DataSync's own words, shortened to what any store and log can hold."""

MAX_CHARACTERS = 1000


def failure_detail(separator: str, *parts: object) -> str:
    """Join the parts that are text: at most 1,000 characters, with lone surrogates escaped."""
    text = separator.join(part[:MAX_CHARACTERS] for part in parts if isinstance(part, str))
    return text.encode("utf-8", "backslashreplace").decode()[:MAX_CHARACTERS]
