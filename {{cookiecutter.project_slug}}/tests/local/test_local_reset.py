from pathlib import Path

from local.reset import reset


def test_reset_forgets_local_state_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / ".local" / "evals").mkdir(parents=True)
    for name in ("service.db", "service.db-wal", ".env", "notes.db"):
        (tmp_path / name).touch()
    assert reset(tmp_path) == [".local", "service.db", "service.db-wal"]
    assert sorted(path.name for path in tmp_path.iterdir()) == [".env", "notes.db"]
    assert reset(tmp_path) == []
