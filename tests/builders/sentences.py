"""Every sentence of a package, with values made up for its gaps."""

from collections.abc import Mapping
from string import Formatter

from holdfast.sentences import Sentence


def every_sentence(templates: Mapping[str, str]) -> list[Sentence]:
    """One sentence per template: numbers where the gap has a format of numbers, else ``f1``."""
    sentences = []
    for code, template in templates.items():
        gaps = {name: spec for _, name, spec, _ in Formatter().parse(template) if name}
        values = {
            name: 12 if spec in (",", ",.0f") else 0.5 if spec else "f1"
            for name, spec in gaps.items()
        }
        sentences.append(Sentence(code, values))
    return sentences
