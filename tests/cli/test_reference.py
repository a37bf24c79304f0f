"""The reference page is what the commands say of themselves."""

import importlib.util

from tests.cli.conftest import REPOSITORY


def test_the_reference_is_current() -> None:
    path = REPOSITORY / "docs/generate_cli.py"
    spec = importlib.util.spec_from_file_location("generate_cli", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    page = (REPOSITORY / "docs/reference/cli.md").read_text(encoding="utf-8")
    assert page == module.reference(), "run: python docs/generate_cli.py"
