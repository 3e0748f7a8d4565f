"""Examples in the README and the guides: their blocks of code, found and run."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
GUIDES = sorted((ROOT / "docs" / "guides").glob("*.md"))
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *GUIDES]

# What stands indented in a list is a part of a file, no example.
_BLOCK = re.compile(
    r"^(?:<!-- not run: (?P<why>[^\n]+) -->\n)?```(?P<language>\w+)\n(?P<text>.*?)^```", re.M | re.S
)
_INLINE = re.compile(r"`(holdfast [^`]+)`")


@dataclass(frozen=True)
class Example:
    """A block of code of a page.

    Parameters
    ----------
    page : str
        The page's name without its ending.
    language : str
        Such as ``sh``.
    text : str
        The code.
    why_not_run : str or None
        What the comment before it, ``<!-- not run: ... -->``, says; None without one.
    """

    page: str
    language: str
    text: str
    why_not_run: str | None

    @property
    def commands(self) -> list[str]:
        """Its lines, where it is of the shell: joined where one goes on, without comments."""
        lines = self.text.replace("\\\n", " ").splitlines()
        return [line for line in (re.sub(r"(^|\s)#.*", "", line).strip() for line in lines) if line]


def examples(page: Path, language: str) -> list[Example]:
    """The blocks of a page that are in one language, in order."""
    text = page.read_text(encoding="utf-8")
    return [
        Example(page.stem, block["language"], block["text"], block["why"])
        for block in _BLOCK.finditer(text)
        if block["language"] == language
    ]


def inline_commands(page: Path) -> list[str]:
    """Commands within the sentences of a page, which may leave out what they need."""
    commands: list[str] = _INLINE.findall(page.read_text(encoding="utf-8"))
    return commands


def run_python(guide: str, **given: object) -> dict[str, object]:
    """Run a guide's examples in Python, one after the other, with the names that its text takes as
    given.

    Returns
    -------
    dict
        All names afterwards.
    """
    names: dict[str, object] = dict(given)
    of_guide = examples(ROOT / "docs" / "guides" / f"{guide}.md", "python")
    assert of_guide
    for example in of_guide:
        exec(compile(example.text, f"{guide}.md", "exec"), names)  # noqa: S102 our own text
    return names
