"""Words for people."""


def counted(number: int, noun: str) -> str:
    """A number with its noun: `1 file`, `1,234 files`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
