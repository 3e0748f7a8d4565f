"""Words in Traditional Chinese, generated from those in Simplified Chinese by OpenCC.

`python -m models.words.traditional` writes ``zh-Hant.toml`` anew. OpenCC's dictionaries convert
characters and the words that differ in Taiwan. ``zh-Hant.phrases.txt`` holds the exceptions, mostly
terms of telecom: one phrase per line, Simplified, a tab, Traditional. The longest phrase wins.

Only this module and `reports.words.extract` need OpenCC. It is imported at run time only where a home
has words of its own (`models.words.own`).
"""

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from opencc import OpenCC

from holdfast.files import write_beside

_HERE = Path(__file__).parent
SOURCE, RESULT = _HERE / "zh-Hans.toml", _HERE / "zh-Hant.toml"
PHRASES = _HERE / "zh-Hant.phrases.txt"
_HEADING = (
    "# 由 zh-Hans.toml 產生，請勿手動修改：執行 python -m models.words.traditional。\n"
    "# 例外詞彙見 zh-Hant.phrases.txt。\n"
)


def traditional(simplified: str) -> str:
    """Convert a TOML file of words from Simplified to Traditional Chinese.

    Parameters
    ----------
    simplified : str
        The file's text. Its leading comment is replaced by one that says where the result is from.
    """
    lines = simplified.splitlines(keepends=True)
    while lines and lines[0].startswith("#"):
        del lines[0]
    return _HEADING + convert("".join(lines))


def convert(simplified: str) -> str:
    """A text in Traditional Chinese; what is not Chinese in it stays."""
    with TemporaryDirectory() as directory:
        return OpenCC(str(_config(Path(directory)))).convert(simplified)


def _config(directory: Path) -> Path:
    """OpenCC's configuration for Taiwan, with our phrases before its own dictionaries."""
    packaged = Path(OpenCC("s2twp").config)
    config = json.loads(packaged.read_text(encoding="utf-8"))
    _locate(config, packaged.parent)
    phrases = PHRASES.read_text(encoding="utf-8").split()
    # The second step converts words to those of Taiwan: it must leave our phrases as they are.
    kept = directory / "kept.txt"
    kept.write_text("".join(f"{one}\t{one}\n" for one in set(phrases[1::2])), encoding="utf-8")
    config["segmentation"]["dict"]["dicts"].insert(0, _text(PHRASES))
    for step, path in zip(config["conversion_chain"], (PHRASES, kept), strict=True):
        step["dict"]["dicts"].insert(0, _text(path))
    result = directory / "config.json"
    result.write_text(json.dumps(config), encoding="utf-8")
    return result


def _text(path: Path) -> dict[str, str]:
    return {"type": "text", "file": str(path)}


def _locate(config: Any, directory: Path) -> None:
    """Give the packaged dictionaries their full paths, as the configuration lies elsewhere."""
    if isinstance(config, dict):
        if "file" in config:
            config["file"] = str(directory / config["file"])
        config = list(config.values())
    if isinstance(config, list):
        for part in config:
            _locate(part, directory)


if __name__ == "__main__":
    write_beside(RESULT, traditional(SOURCE.read_text(encoding="utf-8")))
