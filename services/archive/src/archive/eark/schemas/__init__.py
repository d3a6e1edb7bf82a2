"""The schemas that travel in each package; whose they are stands in README.md."""

from pathlib import Path

SCHEMAS = Path(__file__).parent
"""The folder of the schema files."""
