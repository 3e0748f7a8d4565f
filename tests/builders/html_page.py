"""HTML pages taken apart, for tests."""

import base64
import hashlib
import re
from html.parser import HTMLParser

# Every HTML element without an end.
VOID = {"meta", "img", "br"}

# Elements within a sentence.
INLINE = {"a", "b", "bdi", "code", "em", "strong", "sub", "sup"}


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
        if tag not in INLINE:
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


def check_page(html: str) -> None:
    """Assert that a page loads and runs nothing, that its policy allows its own style alone, and
    that its references lead to ids, of which none is repeated; and that sentences stand apart.
    """
    page = Page(html)
    joined = re.findall(r"\S*[a-z)%]\.[A-Z][a-z]\S*", page.text)
    assert joined == [], joined
    assert "://" not in html
    assert {tag for tag, _ in page.elements}.isdisjoint(
        {"script", "link", "iframe", "object", "embed", "base", "form"}
    )
    sources = [*page.attributes("src"), *page.attributes("href")]
    assert all(source.startswith(("#", "data:image/png;base64,")) for source in sources)
    assert set(re.findall(r"url\(.", html)) <= {"url(#"}
    (policy,) = [
        attributes["content"] for _, attributes in page.elements if "http-equiv" in attributes
    ]
    (style,) = re.findall(r"<style>(.*?)</style>", html, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy == (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"
    )
    assert not page.attributes("style")
    names = {name for _, attributes in page.elements for name in attributes}
    assert not [name for name in names if name.startswith("on")]
    ids = page.attributes("id")
    assert len(ids) == len(set(ids))
    references = [source[1:] for source in page.attributes("href") if source.startswith("#")]
    references += re.findall(r"url\(#([^)]*)\)", html) + page.attributes("aria-labelledby")
    assert references
    assert set(references) <= set(ids)
