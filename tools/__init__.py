"""The repository's own tools: `make` runs them, and no package contains them."""
