import gc
from pathlib import Path

from dispatch.app import Web, create_app, prepare
from dispatch.core.config import Settings
from dispatch.web.templates import FOLDER, load_templates


def _app(folder: Path) -> Web:
    return create_app(
        Settings(database_url="postgresql://nobody@/nothing", data_dir=folder, secret_key="only for this test, " * 3)
    )


def _kept(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in (folder / FOLDER).iterdir()}


def test_what_one_process_compiled_the_next_one_reads(tmp_path: Path) -> None:
    number = load_templates(_app(tmp_path), tmp_path)
    kept = _kept(tmp_path)
    assert number > 100
    assert len(kept) == number
    second = _app(tmp_path)
    assert load_templates(second, tmp_path) == number
    assert _kept(tmp_path) == kept, "nothing was compiled anew"
    assert len(second.jinja_env.cache) == number, "all of them stay loaded"
    assert (tmp_path / FOLDER).stat().st_mode & 0o777 == 0o700


def test_a_broken_copy_is_compiled_anew(tmp_path: Path) -> None:
    number = load_templates(_app(tmp_path), tmp_path)
    for path in (tmp_path / FOLDER).iterdir():
        path.write_bytes(b"of another version")
    assert load_templates(_app(tmp_path), tmp_path) == number


def test_without_a_folder_to_write_in_pages_are_served_all_the_same(tmp_path: Path) -> None:
    (tmp_path / FOLDER).write_text("a file is in the way")
    app = _app(tmp_path)
    assert load_templates(app, tmp_path) == 0
    assert app.jinja_env.bytecode_cache is None
    assert app.jinja_env.get_template("base.html").name == "base.html"


def test_the_first_page_does_not_search_all_that_was_made_at_the_start_for_garbage(tmp_path: Path) -> None:
    app = _app(tmp_path)
    before = gc.get_freeze_count()
    try:
        prepare(app)
        assert gc.get_freeze_count() > before + 10_000
    finally:
        gc.unfreeze()
