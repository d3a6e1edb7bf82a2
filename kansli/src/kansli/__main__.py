"""`kansli` and `python -m kansli`.

Nothing is loaded unless it is run: the processes that inspect and print read this too.
"""


def main() -> None:
    from kansli.commands import main as obey  # noqa: PLC0415

    obey()


if __name__ == "__main__":
    main()
