"""Reads a page back: its tables by caption, what it says, and what it would fetch or run."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"meta", "link", "br", "input"}


@dataclass
class Table:
    """A table: its caption, the section it is in, and its rows, the header first."""

    section: str
    caption: str = ""
    rows: list[list[str]] = field(default_factory=list)

    def records(self) -> list[dict[str, str]]:
        head, *body = self.rows
        return [dict(zip(head, row, strict=True)) for row in body]


class Page(HTMLParser):
    """A page, read by an HTML parser."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tables: list[Table] = []
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.texts: list[str] = []
        self.titles: dict[str, str] = {}
        self._open: list[str] = []
        self._section = ""
        self._into: list[str] | None = None
        self.feed(text)
        self.close()
        assert not self._open, self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        own = {name: value or "" for name, value in attrs}
        self.tags.append((tag, own))
        if tag not in VOID:
            self._open.append(tag)
        if tag == "section":
            self._section = own.get("aria-labelledby", "")
        elif tag == "table":
            self.tables.append(Table(self._section))
        elif tag == "tr":
            self.tables[-1].rows.append([])
        elif tag in ("td", "th"):
            self.tables[-1].rows[-1].append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self._open and self._open[-1] == tag, (tag, self._open[-3:])
        self._open.pop()

    def handle_data(self, data: str) -> None:
        if {"style", "script"} & set(self._open[-1:]):
            return
        self.texts.append(data)
        if "svg" in self._open:
            return
        if "caption" in self._open:
            self.tables[-1].caption += data
        elif {"td", "th"} & set(self._open):
            self.tables[-1].rows[-1][-1] += data
        elif "h2" in self._open and "span" not in self._open:
            self.titles[self._section] = self.titles.get(self._section, "") + data.strip()

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())

    def table(self, caption: str, section: str = "") -> Table:
        """Returns the only table of a caption, of a section named by its title."""
        places = {title: place for place, title in self.titles.items()}
        found = [
            one
            for one in self.tables
            if one.caption == caption and (not section or one.section == places[section])
        ]
        assert len(found) == 1, (caption, section, [one.caption for one in self.tables])
        return found[0]


def amount(text: str) -> int:
    return int(text.replace(",", ""))
