"""Why a verification failed, in DataSync's words, cut down to what any store and any log takes."""

MAX_CHARACTERS = 1000


def detail_text(separator: str, *parts: object) -> str:
    """Join those parts that are text: at most 1,000 characters, lone surrogates written as escapes."""
    text = separator.join(part[:MAX_CHARACTERS] for part in parts if isinstance(part, str))
    return text.encode("utf-8", "backslashreplace").decode()[:MAX_CHARACTERS]
