"""What operators read about the settings is what the services read."""

from pathlib import Path

import pytest

from kansli.operators import SERVICES
from kansli.settings_reference import FILE, MADE, reference


def test_the_page_in_the_repository_is_what_the_services_read() -> None:
    """Whoever adds a setting writes the page anew in the same commit."""
    MADE.main([])


def test_a_page_that_differs_is_told_and_writing_mends_it(tmp_path: Path) -> None:
    """Also one that is missing."""
    for before in (None, "# Settings\n"):
        if before is not None:
            (tmp_path / FILE).write_text(before, "utf-8")
        with pytest.raises(SystemExit, match=r"settings\.md: differs"):
            MADE.main(["--folder", str(tmp_path)])
    MADE.main(["--folder", str(tmp_path), "--write"])
    MADE.main(["--folder", str(tmp_path)])


@pytest.mark.parametrize("service", SERVICES)
def test_every_setting_stands_there_with_what_it_means(service: str) -> None:
    """Under the name by which the environment gives it."""
    page, kind = reference(), SERVICES[service]
    for name, field in kind.model_fields.items():
        (row,) = [
            line for line in page.splitlines() if line.startswith(f"| `{kind.prefix()}{name.upper()}` ")
        ]
        assert field.description
        assert field.description in row.replace("\\|", "|")


@pytest.mark.parametrize(
    "row",
    [
        "| `INTAKE_DATABASE_URL` | secret | must be given |",
        "| `INTAKE_AMQP_URL` | secret |  |",
        "| `ARCHIVE_LISTEN` | text | `127.0.0.1:8084` |",
        "| `ARCHIVE_OIDC_IDLE_MINUTES` | number, over 0 | `60` |",
        "| `NOTIFICATION_LETTERS_AT_ONCE` | whole number, at least 1, at most 50 | `4` |",
        "| `NOTIFICATION_ON_UNCERTAIN` | `resend` or `hold` | `resend` |",
        "| `NOTIFICATION_SMTP_URL` | secret | `smtp://127.0.0.1:25` |",
        "| `VALIDATION_MIGRATE_AT_START` | `true` or `false` | `true` |",
        "| `INTAKE_CLAMD_SOCKET` | path |  |",
    ],
)
def test_types_and_defaults_are_told_as_one_writes_them(row: str) -> None:
    """A secret's default is no secret; an empty cell is a setting that may be left out."""
    assert row in reference()
