"""Finds the words that CONTRIBUTING.md's table lists as words to avoid; prints each and exits 1.

Without arguments all tracked files are read, otherwise the files and folders named. A line that names this
script is passed over: its word is data, or somebody else's name.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "CONTRIBUTING.md"
TABLE = re.compile(r"^\| avoid \| write \|\n\|---\|---\|\n((?:\|.*\n)+)", re.MULTILINE)
SUFFIXES = {".css", ".html", ".j2", ".js", ".json", ".md", ".py", ".sql", ".toml", ".yaml", ".yml", ""}
# What separates two words of a phrase: blanks, and at a line break the next line's comment sign.
GAP = r"[\s#>]+(?:--\s+)?"


def words() -> dict[str, str]:
    """What to write instead of each word or phrase."""
    table = TABLE.search(PAGE.read_text(encoding="utf-8"))
    assert table, "CONTRIBUTING.md has no table `| avoid | write |`"
    instead: dict[str, str] = {}
    for row in table[1].splitlines():
        avoid, write = (cell.strip() for cell in row.strip("|").split("|"))
        instead |= dict.fromkeys(re.findall(r"`([^`]+)`", avoid), write)
    return instead


def found(text: str, instead: dict[str, str]) -> Iterator[tuple[int, str, str]]:
    """Line, word and what to write instead, in the order of the text."""
    phrases = [re.sub(r"\\? +", lambda _: GAP, re.escape(word)) for word in instead]
    starts = [rf"\b{phrase}" if phrase[0].isalnum() else phrase for phrase in phrases]
    for match in re.finditer(rf"(?:{'|'.join(starts)})\b", text, re.IGNORECASE):
        if "check_words" in text[text.rfind("\n", 0, match.start()) + 1 :].split("\n", 1)[0]:
            continue
        word = re.sub(GAP, " ", match[0].lower())
        yield text.count("\n", 0, match.start()) + 1, word, instead[word]


def files(names: list[str]) -> list[Path]:
    """The tracked text files, of these folders or all."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--", *names], cwd=ROOT, check=True, capture_output=True, text=True
    )
    paths = [ROOT / name for name in listed.stdout.split("\0") if name]
    return [path for path in paths if path.suffix in SUFFIXES and path.is_file() and not path.is_symlink()]


def main(names: list[str]) -> int:
    """Print what is found; the exit code."""
    instead = words()
    wrong = 0
    for path in files([str(Path(name).resolve()) for name in names]):
        text = path.read_text(encoding="utf-8", errors="replace")
        if path == PAGE:
            text = TABLE.sub(lambda table: "\n" * table[0].count("\n"), text)
        for line, word, write in found(text, instead):
            wrong += 1
            print(f"{path.relative_to(ROOT)}:{line}: {word!r}; write: {write}")
    print(f"{wrong} words to avoid" if wrong else "no words to avoid")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
