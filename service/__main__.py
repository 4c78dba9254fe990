"""`python -m service` is `datasync-trigger`."""

from service.cli import main

__all__ = ["main"]

if __name__ == "__main__":
    main()
