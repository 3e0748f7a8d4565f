import os
from pathlib import Path

from features.sources.content import LOCAL_LEEWAY_NS, ContentState, FileContent


def test_a_change_gives_another_mark_even_where_the_old_time_is_put_back(tmp_path: Path) -> None:
    file = tmp_path / "bills.csv"
    file.write_text("one")
    content, before = FileContent(file), file.stat()
    assert content.state() == content.opened
    digest = content.digest()
    while True:  # until the clock of the file system has gone on
        file.write_text("two")
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
        if file.stat().st_ctime_ns != before.st_ctime_ns:
            break
    assert file.stat().st_mtime_ns == before.st_mtime_ns
    assert content.state().mark != content.opened.mark
    assert content.digest() != digest


def test_what_changed_just_before_it_was_read_is_not_settled() -> None:
    state = ContentState(1, "a", changed_ns=10**18, leeway_ns=LOCAL_LEEWAY_NS)
    assert not state.is_settled(10**18 + LOCAL_LEEWAY_NS)
    assert state.is_settled(10**18 + LOCAL_LEEWAY_NS + 1)
    assert ContentState(-1, "closed").is_settled(0)
