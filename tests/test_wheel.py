"""The wheel holds everything: installed away from the clone, docexp finds its configurations."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--quiet", "-w", out, ROOT]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (built,) = out.glob("*.whl")
    return built


def test_every_configuration_and_the_type_marker_are_inside(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    shipped = {f"docexp/conf/{file.relative_to(ROOT / 'conf').as_posix()}" for file in (ROOT / "conf").rglob("*.yaml")}
    assert shipped <= names
    assert "docexp/py.typed" in names
    assert not [name for name in names if name.startswith(("tests/", "experiments/"))]
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_configurations_are_found_from_the_installed_wheel(wheel: Path, tmp_path: Path) -> None:
    target = tmp_path / "installed"
    zipfile.ZipFile(wheel).extractall(target)
    code = f"import sys; sys.path.insert(0, {str(target)!r}); from docexp.cli import main; import docexp; "
    code += f"assert docexp.__file__.startswith({str(target)!r}); main(['train', '--cfg', 'job'])"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "_target_: docexp.models.layoutlmv3.LayoutLMv3Settings" in done.stdout
