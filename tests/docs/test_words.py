"""`.ci/check_words.py` finds the words that CONTRIBUTING.md lists."""

import runpy
from typing import Any

from harness import REPOSITORY

check: dict[str, Any] = runpy.run_path(str(REPOSITORY / ".ci" / "check_words.py"))


def test_the_list_is_read_from_the_page() -> None:
    words = check["words"]()
    assert len(words) > 30
    assert all(words.values())


def test_words_are_found_in_any_case_and_over_line_ends() -> None:
    words = {"bad": "good", "very bad": "poor", "; bad end": "good end", "1 words": "1 word"}
    text = "# Bad, and very\n    # bad.\n-- a file; bad\n-- end\n-- 1 words of 21 words\nbadly, very_bad\n"
    found = [(line, word) for line, word, _ in check["found"](text, words)]
    assert found == [(1, "bad"), (1, "very bad"), (3, "; bad end"), (5, "1 words")]
