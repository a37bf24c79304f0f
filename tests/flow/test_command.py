"""Commands of external steps: who may run them, how they run, and that nothing of them stays."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from catalog.errors import InvalidInput
from catalog.flow import command
from catalog.flow.command import run_command
from catalog.flow.permission import NOTHING, Permission, check_permitted
from catalog.flow.refresh.external import CommandRuns
from catalog.model.derived import Definition

ENV = {"PATH": os.environ["PATH"]}


def python(code: str) -> list[str]:
    return [sys.executable, "-I", "-c", code]


def run(code: str, folder: Path, *, timeout_s: float | None = 30, **env: str) -> str:
    return run_command(
        python(code), env={**ENV, **env}, cwd=str(folder), timeout_s=timeout_s
    ).output


@pytest.mark.invariant("Commands of a catalog run only if the user has allowed them")
def test_no_command_may_run_unless_allowed() -> None:
    with pytest.raises(InvalidInput, match="nobody has allowed: rm -rf /") as refused:
        check_permitted(["rm", "-rf", "/"], NOTHING, what="derived table 'daily'")
    assert refused.value.kind == "command-refused"
    assert "allow_commands=True" in refused.value.hint


@pytest.mark.parametrize(
    ("words", "allowed"),
    [
        (("python", "daily.py"), True),
        (("python", "daily.py", "--all"), False),
        (("python daily.py",), False),
        (("python",), False),
        ((), False),
    ],
)
def test_a_command_is_allowed_word_for_word(words: tuple[str, ...], allowed: bool) -> None:
    permission = Permission(commands=frozenset({("python", "daily.py")}))
    assert permission.allows(words) is allowed
    assert Permission(everything=True).allows(words)


def test_why_a_configuration_does_not_count_is_told() -> None:
    permission = Permission(reservation="parquetry.toml belongs to the user eve")
    with pytest.raises(InvalidInput, match=r"\(parquetry.toml belongs to the user eve\)"):
        check_permitted(["x"], permission, what="derived table 'daily'")


def test_a_command_gets_its_words_environment_and_directory(tmp_path: Path) -> None:
    words = ["a b", "$HOME", "*", "'", ";", "`id`"]
    code = "import os, sys; print(sys.argv[1:], os.getcwd(), os.environ.get('X'), sys.stdin.read())"
    result = run_command([*python(code), *words], env={**ENV, "X": "1"}, cwd=str(tmp_path))
    assert result.output == f"{words} {os.path.realpath(tmp_path)} 1 \n"


def test_it_gets_no_other_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_WORD", "hidden")
    assert "SECRET_WORD" not in run("import os; print(*os.environ)", tmp_path)


def test_a_failure_shows_the_end_of_the_output_without_secrets(tmp_path: Path) -> None:
    code = """
import sys
print("begin", *range(50000), flush=True)
print("key hunter22, s3://user:word@bucket/x", file=sys.stderr)
sys.exit(3)
"""
    with pytest.raises(InvalidInput, match="ended with exit code 3") as failed:
        run(code, tmp_path, API_TOKEN="hunter22")
    assert failed.value.kind == "command-failed"
    assert "key ***, s3://***@bucket/x" in str(failed.value)
    assert len(str(failed.value)) < 4000


@pytest.mark.parametrize("words", [["no-such-program"], ["."], [""], ["x\0"], []])
def test_a_command_that_cannot_be_started(words: list[str], tmp_path: Path) -> None:
    with pytest.raises(InvalidInput) as failed:
        run_command(words, env=ENV, cwd=str(tmp_path))
    assert failed.value.kind == "command-failed"


def test_a_signal_that_ended_it_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="was ended by SIGKILL"):
        run("import os; os.kill(os.getpid(), 9)", tmp_path)


def test_much_output_is_read_and_its_end_kept(tmp_path: Path) -> None:
    output = run("print('x' * 5_000_000); print('end')", tmp_path)
    assert output.endswith("end\n")
    assert len(output) <= command.KEPT_BYTES


FAMILY = """
import os, signal, subprocess, sys, time
ignore = sys.argv[1:] == ["ignore"]
if ignore:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
inner = "import time; time.sleep(60)"
child = subprocess.Popen([sys.executable, "-I", "-c",
    f"import subprocess, sys; p = subprocess.Popen([sys.executable, '-I', '-c', {inner!r}]); "
    "print(p.pid, flush=True); p.wait()"])
with open("pids", "w") as file:
    print(os.getpid(), child.pid, file=file)
os.rename("pids", "family")
"""


def family(folder: Path) -> list[int]:
    deadline = time.monotonic() + 20
    while not (folder / "family").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    return [int(word) for word in (folder / "family").read_text().split()]


def alive(pids: list[int]) -> list[int]:
    """Returns which processes still run; ended ones that nobody has waited for do not."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        found = [pid for pid in pids if _runs(pid)]
        if not found:
            return []
        time.sleep(0.02)
    return found


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_one_that_hangs_is_stopped_with_all_that_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "GRACE_S", 0.2)
    code = f"{FAMILY}\ntime.sleep(60)"
    started = time.monotonic()
    with pytest.raises(InvalidInput, match=r"did not end within 1 seconds"):
        run_command([*python(code), "ignore"], env=ENV, cwd=str(tmp_path), timeout_s=1)
    assert time.monotonic() - started < 10
    assert alive(family(tmp_path)) == []


def test_what_it_leaves_behind_is_killed(tmp_path: Path) -> None:
    started = time.monotonic()
    run(FAMILY, tmp_path)
    assert time.monotonic() - started < 10
    assert alive(family(tmp_path)) == []


@pytest.mark.parametrize("ignore", [[], ["ignore"]])
def test_an_interrupt_stops_it_with_all_that_it_started(tmp_path: Path, ignore: list[str]) -> None:
    main = f"""
import sys
from catalog.flow import command
command.GRACE_S = 0.2
words = [sys.executable, "-I", "-c", {FAMILY + chr(10) + "time.sleep(60)"!r}, *sys.argv[1:]]
command.run_command(words, env={ENV!r}, cwd={str(tmp_path)!r})
"""
    outer = subprocess.Popen(
        [sys.executable, "-c", main, *ignore],
        stderr=subprocess.PIPE,
        cwd=Path(__file__).parent.parent.parent,
    )
    pids = family(tmp_path)
    outer.send_signal(signal.SIGINT)
    _, errors = outer.communicate(timeout=20)
    assert b"KeyboardInterrupt" in errors
    assert alive(pids) == []


def test_a_configuration_does_not_let_a_command_write_elsewhere(tmp_path: Path) -> None:
    runs = CommandRuns(commands={"scored": ("score",)}, folder=str(tmp_path))
    for output in ("..", ".", "", "/home", "../other", "out/../..", str(tmp_path)):
        with pytest.raises(InvalidInput, match="would write to") as refused:
            runs.output("scored", Definition(command=("score",), output=output))
        assert refused.value.kind == "path-outside"
    inside = Definition(command=("score",), output="out/../data/scored")
    assert runs.output("scored", inside) == str(tmp_path / "data/scored")
    anywhere = CommandRuns(everything=True, folder=str(tmp_path))
    assert anywhere.output("scored", Definition(command=("score",), output="/data/x")) == "/data/x"
