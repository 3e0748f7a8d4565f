"""Words in Traditional Chinese are what OpenCC and our exceptions make of the Simplified ones."""

from models.words.traditional import PHRASES, RESULT, SOURCE, traditional
from reports.words.texts import catalogue_path


def test_the_file_is_the_generated_one() -> None:
    generated = traditional(SOURCE.read_text(encoding="utf-8"))
    assert RESULT.read_text(encoding="utf-8") == generated, "run `make docs`"


def test_every_exception_is_needed() -> None:
    pages = catalogue_path("zh-Hans").read_text(encoding="utf-8")
    source = SOURCE.read_text(encoding="utf-8") + pages
    lines = PHRASES.read_text(encoding="utf-8").splitlines()
    simplified = [line.split("\t")[0] for line in lines]
    assert len(set(simplified)) == len(lines) > 0
    assert [phrase for phrase in simplified if phrase not in source] == []


def test_our_phrases_win_over_the_library() -> None:
    text = '# heading\n[reasons]\nplan = "业务类型、软件"\n'
    lines = traditional(text).splitlines()
    assert [line for line in lines if not line.startswith("#")] == [
        "[reasons]",
        'plan = "服務類型、軟體"',
    ]
