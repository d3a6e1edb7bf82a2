"""A service's package, installed with nothing but the chassis and its libraries, is a whole service.

Installed from wheels into an environment of its own. The libraries come from the environment that
runs the tests: a folder named in a `.pth` is searched, but the `.pth` files in it are not followed,
so that what is installed there for editing, our own packages, stays out of sight.
"""

import os
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from signal import SIGTERM
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from kansli.example import write_example
from kansli.places import shipped_example
from support.child_process import Child
from support.ports import free_port

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
FORMS = ROOT / "schemas" / "forms"
SERVICES = ("intake", "validation", "archive", "notification")
FOLDERS = {
    "chassis": "chassis",
    **{service: f"services/{service}" for service in SERVICES},
    "kansli": "kansli",
}


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """A wheel of each package, by its import name."""
    folder = tmp_path_factory.mktemp("wheels")
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    sources = [str(ROOT / place) for place in FOLDERS.values()]
    subprocess.run([*pip, "--wheel-dir", str(folder), *sources], check=True)
    built = {path.name.partition("-")[0].removeprefix("kansli_"): path for path in folder.glob("*.whl")}
    assert built.keys() == FOLDERS.keys()
    return built


def install(folder: Path, *wheels: Path) -> Path:
    """An environment with these wheels and the libraries; returns its Python."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    python = folder / "bin" / "python"
    pip = [
        sys.executable,
        "-m",
        "pip",
        "--quiet",
        "--python",
        str(python),
        "install",
        "--no-deps",
        "--no-index",
    ]
    subprocess.run([*pip, *map(str, wheels)], check=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    (packages / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n", "utf-8")
    return python


def environment(**variables: object) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG", "TMPDIR"}}
    return kept | {name: str(value) for name, value in variables.items()}


@pytest.fixture(scope="session", params=SERVICES)
def service(
    request: pytest.FixtureRequest, wheels: Mapping[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Path]:
    """A service's name, and the Python of an environment in which it is alone."""
    name: str = request.param
    return name, install(tmp_path_factory.mktemp(name) / "venv", wheels["chassis"], wheels[name])


@pytest.fixture
def told(service: tuple[str, Path], tmp_path: Path) -> dict[str, str]:
    """What the service is told from outside: a database, the example, and a broker that is away."""
    prefix = service[0].upper()
    settings = {
        "DATABASE_URL": f"sqlite:///{tmp_path}/data.db",
        "CONFIG": write_example(shipped_example(), tmp_path, date(2026, 11, 20)).config,
        "FORMS": FORMS,
        "AMQP_URL": "amqp://guest:hemligt@127.0.0.1:1/",
        "LISTEN": f"127.0.0.1:{free_port()}",
    }
    return environment(**{f"{prefix}_{name}": value for name, value in settings.items()})


def run(service: tuple[str, Path], command: str, told: dict[str, str], cwd: Path) -> str:
    name, python = service
    words = [str(python), "-m", name, command]
    done = subprocess.run(words, env=told, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_service_alone_migrates_and_then_finds_all_in_order(
    service: tuple[str, Path], told: dict[str, str], tmp_path: Path
) -> None:
    """Its tables, its templates, its configuration and its forms; the broker, where one is named."""
    assert "up to date" in run(service, "migrate", told, tmp_path)
    name, python = service
    words = [str(python), "-m", name, "check"]
    away = subprocess.run(words, env=told, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (away.returncode, "BrokerUnfit: the broker does not answer" in away.stderr) == (1, True)
    del told[f"{name.upper()}_AMQP_URL"]
    assert "in order; no broker is named" in run(service, "check", told, tmp_path)


def test_a_service_alone_tells_its_settings_and_keeps_its_secrets(
    service: tuple[str, Path], told: dict[str, str], tmp_path: Path
) -> None:
    """Every setting with what it is for."""
    shown = run(service, "settings", told, tmp_path)
    assert f"{service[0].upper()}_LISTEN=127.0.0.1:" in shown
    assert "hemligt" not in shown


def test_a_service_alone_starts_without_its_broker_and_stops_when_told(
    service: tuple[str, Path], told: dict[str, str], tmp_path: Path
) -> None:
    """Alive and ready; SIGTERM ends it with 0."""
    name, python = service
    address = f"http://{told[f'{name.upper()}_LISTEN']}"
    child = Child([str(python), "-m", name, "run"], environment=told, log=tmp_path / "log")
    child.wait_until(lambda: answers(f"{address}/readyz"), seconds=30)
    child.end(SIGTERM)
    assert child.exit_code == 0, (tmp_path / "log").read_text("utf-8")


def answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False


def test_a_service_alone_has_no_neighbours(service: tuple[str, Path], tmp_path: Path) -> None:
    """What it could import, it could come to need."""
    name, python = service
    others = [other for other in (*SERVICES, "kansli.house") if other != name]
    program = "import importlib, sys\nfor name in sys.argv[1:]:\n try: importlib.import_module(name)\n"
    program += " except ImportError: continue\n else: sys.exit(name)\n"
    done = subprocess.run(
        [str(python), "-c", program, *others],
        env=environment(),
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_the_chassis_runs_without_what_only_some_services_ask_of_it() -> None:
    """Its extras: a service that keeps no files has no library for them, and starts all the same."""
    extras = ["obstore", "cryptography"]
    program = "import sys, chassis.cli; print(*(name for name in sys.argv[1:] if name in sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", program, *extras], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []


@pytest.mark.parametrize("package", FOLDERS)
def test_a_wheel_holds_every_file_of_its_package(wheels: Mapping[str, Path], package: str) -> None:
    """Templates, fonts, style sheets, migrations and the mark that it is typed."""
    source = ROOT / FOLDERS[package] / "src"
    files = {
        str(path.relative_to(source))
        for path in (source / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert f"{package}/py.typed" in files
    with zipfile.ZipFile(wheels[package]) as wheel:
        held = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert files <= held
    assert not [name for name in held if name.endswith(".pyc")]
    assert {name for name in held - files if not name.startswith("kansli/shipped/")} == set()


def test_the_house_installed_from_wheels_checks_what_it_ships(
    wheels: Mapping[str, Path], tmp_path: Path
) -> None:
    """Away from the repository it has the forms and the example with it."""
    python = install(tmp_path / "venv", *wheels.values())
    done = subprocess.run(
        [str(python), "-m", "kansli", "check"],
        env=environment(),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 errors" in done.stdout
