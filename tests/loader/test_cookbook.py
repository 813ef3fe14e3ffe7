"""The cookbook's queries answer what its page says, and are short, of one join at most."""

import re
from pathlib import Path

from cookbook import PAGE, answered, deliver, queries


def test_answers_are_those_of_the_page(tmp_path: Path) -> None:
    assert answered(PAGE.read_text(), deliver(tmp_path).database) == PAGE.read_text(), "run make generated"


def test_each_question_has_one_short_query_with_an_answer() -> None:
    page = PAGE.read_text()
    questions = re.findall(r"^### (\d+)\. .*\?$", page, re.MULTILINE)
    assert questions == [str(number) for number in range(1, len(questions) + 1)]
    assert len(questions) == len(queries(page)) == page.count("```sql")
    for query in queries(page):
        assert query.count("\n") < 15, query
        assert query.count(" join ") <= 1, query
    assert "```text\n```" not in page
