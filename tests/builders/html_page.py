"""HTML pages taken apart, for tests."""

from html.parser import HTMLParser

# Every HTML element without an end.
VOID = {"meta", "img", "br"}


class Page(HTMLParser):
    """A page taken apart: elements with their attributes, ids, and text by section."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.section = "head"
        self.texts: dict[str, str] = {}
        self.feed(html)
        self.close()
        assert not self.open
        self.texts = {
            section: " ".join(text.replace("\xa0", " ").split())
            for section, text in self.texts.items()
        }

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag == "section":
            self.section = str(dict(attrs)["id"])
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
        if tag in ("td", "th", "dt", "dd", "h3", "span"):
            self.handle_data(" ")
        if tag == "main":
            self.section = "foot"

    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["style"]:
            self.texts[self.section] = self.texts.get(self.section, "") + data

    @property
    def text(self) -> str:
        return " ".join(self.texts.values())

    def attributes(self, name: str) -> list[str]:
        return [str(attributes[name]) for _, attributes in self.elements if name in attributes]
