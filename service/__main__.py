"""Entry point placeholder."""


def main() -> None: ...
