"""What `python local/venv.py` says when something is missing, and that two of them at once do no harm."""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

SOURCE = Path(__file__).parents[2] / "local" / "venv.py"
LOCK = "six==1.17.0 \\\n    --hash=sha256:" + "0" * 64 + "\nuv==0.13.8 \\\n    --hash=sha256:" + "1" * 64 + "\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "local").mkdir()
    shutil.copy(SOURCE, tmp_path / "local")
    (tmp_path / "requirements-dev.lock").write_text(LOCK)
    return tmp_path


def module(project: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("local_venv", project / "local" / "venv.py")
    assert spec
    assert spec.loader
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def make_whole(project: Path) -> ModuleType:
    """An environment with nothing in it but a Python, stamped as finished."""
    venv = module(project)
    venv.BIN.mkdir(parents=True)
    venv.PYTHON.symlink_to(sys.executable)
    venv.STAMP.write_text(venv.digest())
    return venv


def started(project: Path, *command: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(project / "local" / "venv.py"), *command],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def refusal(project: Path, *command: str, **environment: str) -> str:
    process = started(project, *command, **environment)
    said, complaint = process.communicate(timeout=60)
    assert (process.returncode, said) == (1, "")
    return complaint


def test_old_python_is_refused_with_a_sentence(project: Path) -> None:
    venv = module(project)
    with pytest.raises(venv.StopError, match=r"Python 3\.11 or newer is needed, this is 3\.9"):
        venv.demand((3, 9))


def test_missing_lock_is_named(project: Path) -> None:
    (project / "requirements-dev.lock").unlink()
    complaint = refusal(project, "true")
    assert "requirements-dev.lock is missing" in complaint
    assert complaint.count("\n") == 1


def test_environment_of_somebody_else_is_left_alone(project: Path) -> None:
    (project / ".venv").mkdir()
    (project / ".venv" / "pyvenv.cfg").write_text("home = elsewhere\n")
    assert "was not made by this command" in refusal(project, "true")
    assert [child.name for child in (project / ".venv").iterdir()] == ["pyvenv.cfg"]


def test_unreachable_index_is_explained_and_leaves_nothing_that_looks_finished(project: Path) -> None:
    nowhere = {
        "PATH": os.defpath,  # without uv
        "PIP_INDEX_URL": "http://127.0.0.1:1/simple",
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_FIND_LINKS": "",
        "PIP_RETRIES": "0",
    }
    complaint = refusal(project, "true", **nowhere)
    assert "Installing up to 2 packages from requirements-dev.lock" in complaint
    assert "a mirror is set through PIP_INDEX_URL" in complaint.splitlines()[-1]
    assert "SSL_CERT_FILE names your company's certificates for uv" in complaint.splitlines()[-1]
    assert not module(project).is_whole()


def test_command_runs_inside_the_environment(project: Path) -> None:
    make_whole(project)
    code = "import os; print(os.environ['VIRTUAL_ENV'], os.environ['PATH'].split(os.pathsep)[0])"
    said, complaint = started(project, "python", "-c", code).communicate(timeout=20)
    assert said.split() == [str(project / ".venv"), str(module(project).BIN)]
    assert complaint == ""


def test_status_of_the_command_is_passed_on(project: Path) -> None:
    make_whole(project)
    process = started(project, "python", "-c", "raise SystemExit(5)")
    assert process.wait(timeout=20) == 5
    assert "There is no such-command in .venv" in refusal(project, "such-command")


def test_changed_lock_or_moved_project_is_noticed(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    venv = make_whole(project)
    assert venv.is_whole()
    shutil.copytree(project, project / "moved", symlinks=True)
    monkeypatch.chdir(project / "moved")
    assert not module(project / "moved").is_whole()
    venv.LOCK.write_text(LOCK + "# changed\n")
    assert not venv.is_whole()


def test_uv_is_taken_as_the_lock_pins_it(project: Path) -> None:
    venv = module(project)
    venv.VENV.mkdir()
    assert venv.uv_alone().read_text() == "".join(LOCK.splitlines(keepends=True)[2:])


def test_second_run_waits_for_the_first(project: Path) -> None:
    venv = make_whole(project)
    finished = venv.STAMP.read_text()
    with venv.holding(venv.STAMP) as stamp:
        stamp.truncate(0)
        second = started(project, "python", "-c", "print('ran')")
        assert second.stderr
        assert "Another process is preparing .venv" in second.stderr.readline()
        stamp.write(finished)
    said, _ = second.communicate(timeout=20)
    assert said == "ran\n"
