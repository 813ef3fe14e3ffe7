"""The page of `cdr report`, as a reader sees it."""

import re
from html.parser import HTMLParser

from harness import Loader


class Page(HTMLParser):
    """What a page asks for; its tiles; its sentences and items by section; its tables, rows of texts by name,
    with what their folds are called; and the queries, each with the table above it.
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self.asked: list[str] = []
        self.scripts = 0
        self.tiles: list[list[str]] = []
        self.items: dict[str, list[str]] = {}
        self.legends: dict[str, list[str]] = {}
        self.sentences: dict[str, str] = {}
        self.folds: list[str] = []
        self.tips: dict[str, list[str]] = {}
        self.tables: dict[str, list[list[str]]] = {}
        self.numeric: dict[str, list[bool]] = {}
        self.queries: list[tuple[str, list[list[str]]]] = []
        self._table: list[list[str]] = []
        self._name = self._section = self._inside = self._list = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attributes}
        self.scripts += tag == "script"
        self.asked += [values[name] for name in ("src", "href", "xlink:href") if name in values]
        if tag == "section":
            self._section = values["id"]
        elif tag == "ul":
            self._list = values.get("class", "")
        elif tag == "li" and self._list == "tiles":
            self.tiles.append([])
            self._inside = "tile"
        elif tag == "li" and "dir" in values:
            self.items.setdefault(self._section, []).append("")
            self._inside = "item"
        elif tag == "li" and self._list == "legend":
            self.legends.setdefault(self._section, []).append("")
            self._inside = "legend"
        elif tag == "title" and self._section:
            self.tips.setdefault(self._section, []).append("")
            self._inside = "tip"
        elif tag == "table":
            self._name = values["id"].removeprefix("table-")
            self._table = self.tables[self._name] = []
            self.numeric[self._name] = []
        elif tag == "tr":
            self._table.append([])
        elif tag in ("td", "th"):
            self._table[-1].append("")
            self._inside = "cell"
            if tag == "th":
                self.numeric[self._name].append(values.get("class") == "number")
        elif tag == "summary":
            self._inside = "fold"
            self.folds.append("")
        elif tag == "p" and "dir" in values:
            self._inside = "sentence"
            self.sentences[self._section] = ""
        elif tag == "pre":
            self._inside = "query"
            self.queries.append(("", self._table))
            self._table = []

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th", "summary", "p", "pre", "li", "title"):
            self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "tile":
            self.tiles[-1].append(data)
        elif self._inside in ("item", "legend", "tip"):
            {"item": self.items, "legend": self.legends, "tip": self.tips}[self._inside][self._section][
                -1
            ] += data
        elif self._inside == "cell":
            self._table[-1][-1] += data
        elif self._inside == "fold":
            self.folds[-1] += data
        elif self._inside == "sentence":
            self.sentences[self._section] += data
        elif self._inside == "query":
            self.queries[-1] = (self.queries[-1][0] + data, self.queries[-1][1])

    def rows(self, name: str) -> list[dict[str, str]]:
        """A table's rows by column."""
        header, *rows = self.tables[name]
        return [dict(zip(header, row, strict=True)) for row in rows]

    def drawn(self, section: str) -> dict[str, float]:
        """The values of a chart by what they are of; the page has each chart in two widths."""
        shown_values = [tip.rpartition(": ") for tip in self.tips[section]]
        assert sorted(shown_values[: len(shown_values) // 2]) == sorted(
            shown_values[len(shown_values) // 2 :]
        )
        return {name: float(re.sub("[^0-9.-]", "", value)) for name, _, value in shown_values}


def written(loader: Loader, *arguments: object) -> str:
    """Write a page, and return its text."""
    out = loader.database.parent / "report.html"
    loader("report", out, "-q", *arguments)
    return out.read_text()
