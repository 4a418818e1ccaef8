"""What stands in deploy/ fits the program: flags, ports, paths, grace periods, secrets. It starts nothing."""

import re
import shlex
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from realtime_switch.cli import serve
from realtime_switch.cli.main import COMMANDS, Program
from realtime_switch.gateway.main import SIGNING_KEY_FILE
from realtime_switch.link.keys import BUSINESS_FILE, GATEWAY_FILE
from realtime_switch.settings import Flags, load

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
KUBERNETES = DEPLOY / "kubernetes"
DRAIN_S = load(Flags(), {}).gateway.drain_s
PROGRAM = "/opt/realtime-switch/bin/realtime-switch"
# How long each may take to stop, by its own bounds (docs/operations.md).
BOUND_S = {
    "gateway": DRAIN_S + serve.GATEWAY_STOP_S,
    "business": serve.BUSINESS_STOP_S,
    "serve": DRAIN_S + serve.GATEWAY_STOP_S + serve.LOCAL_STOP_S + serve.BUSINESS_STOP_S,
}


def accepts(words: list[str]) -> None:
    """The command has these flags, and takes these values for them."""
    name, *rest = words
    command = Program().get_command(click.Context(Program()), name)
    assert command is not None, f"there is no command {name}: {list(COMMANDS)}"
    command.make_context(name, rest, resilient_parsing=False)


def directives(unit: Path) -> dict[str, str]:
    lines = (line for line in unit.read_text().splitlines() if "=" in line and not line.startswith("#"))
    return dict(line.split("=", 1) for line in lines)


# -- systemd ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_starts_what_there_is_and_waits_for_its_end(unit: Path) -> None:
    says = directives(unit)
    program, *words = shlex.split(says["ExecStart"].replace("%i", "8081"))
    assert program == PROGRAM
    accepts(words)
    assert int(says["TimeoutStopSec"]) >= BOUND_S[words[0]]
    assert says["Environment"] == f"RTS_DATA=/var/lib/{says['StateDirectory']}"
    assert (says.get("KillMode") == "mixed") == (words[0] == "serve")
    assert ("ExecReload" in says) == (words[0] != "business")


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_systemd_understands_a_unit(unit: Path, tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    copy = tmp_path / unit.name
    copy.write_text(unit.read_text().replace(PROGRAM, "/bin/true"))
    # The others' units, of the system itself, are not ours to judge.
    done = subprocess.run(["systemd-analyze", "verify", copy], capture_output=True, text=True)
    ours = [line for line in done.stderr.splitlines() if unit.stem.split("@")[0] in line]
    assert ours == []


# -- The container ----------------------------------------------------------------------------------------


def test_the_container_runs_the_program_as_its_own_user() -> None:
    text = (DEPLOY / "Containerfile").read_text()
    accepts(yaml.safe_load(re.findall(r"^CMD (\[.*\])$", text, re.MULTILINE)[0]))
    assert f"EXPOSE {load(Flags(), {}).gateway.port}\n" in text
    [user] = re.findall(r"^USER (\d+):\1$", text, re.MULTILINE)
    assert f"--uid {user} " in text
    assert f"--owner={user}" in text
    for path in re.findall(r"(?:-r|-f) (\S+\.txt|\S+/Containerfile)", text):
        assert (ROOT / path).is_file(), path


def test_the_container_installs_what_was_tested() -> None:
    """The same versions, with hashes, without what only developers need."""
    pin = re.compile(r"^([a-z0-9.-]+)==(\S+)", re.MULTILINE)
    tested = dict(pin.findall((ROOT / "constraints.txt").read_text()))
    installed = dict(pin.findall((DEPLOY / "requirements.txt").read_text()))
    assert {name: tested[name] for name in installed} == installed
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = {re.split(r"[>\[]", one)[0] for one in project["dependencies"]}
    assert wanted <= installed.keys()
    assert not {"pytest", "mypy", "ruff"} & installed.keys()


# -- Kubernetes -------------------------------------------------------------------------------------------

README = (KUBERNETES / "README.md").read_text()


def documents() -> Iterator[dict[str, Any]]:
    for name in yaml.safe_load((KUBERNETES / "kustomization.yaml").read_text())["resources"]:
        yield from yaml.safe_load_all((KUBERNETES / name).read_text())


SETS = {one["metadata"]["name"]: one for one in documents() if one["kind"] == "StatefulSet"}
GATEWAY, BUSINESS = SETS["realtime-switch-gateway"], SETS["realtime-switch-business"]
BOTH = pytest.mark.parametrize("stateful_set", SETS.values(), ids=SETS.keys())


def container(stateful_set: dict[str, Any]) -> dict[str, Any]:
    [one] = stateful_set["spec"]["template"]["spec"]["containers"]
    found: dict[str, Any] = one
    return found


def settings_of(stateful_set: dict[str, Any], tmp_path: Path) -> Any:
    [file] = [one["value"] for one in container(stateful_set)["env"] if one["name"] == "RTS_CONFIG"]
    config = KUBERNETES / Path(file).name
    generator = yaml.safe_load((KUBERNETES / "kustomization.yaml").read_text())["configMapGenerator"][0]
    assert config.name in generator["files"]
    return load(Flags(config=config, data=tmp_path), {})


@BOTH
def test_a_pod_starts_what_there_is_and_is_given_the_time_to_end(stateful_set: dict[str, Any]) -> None:
    pod, words = stateful_set["spec"]["template"]["spec"], container(stateful_set)["args"]
    accepts(words)
    assert pod["terminationGracePeriodSeconds"] >= BOUND_S[words[0]]
    assert (
        stateful_set["spec"]["selector"]["matchLabels"]
        == stateful_set["spec"]["template"]["metadata"]["labels"]
    )
    budgets = [one["spec"]["selector"] for one in documents() if one["kind"] == "PodDisruptionBudget"]
    assert stateful_set["spec"]["selector"] in budgets
    [user] = re.findall(r"^USER (\d+)", (DEPLOY / "Containerfile").read_text(), re.MULTILINE)
    assert pod["securityContext"]["runAsUser"] == int(user)


@BOTH
def test_every_volume_and_secret_is_there_or_told_how_to_make(stateful_set: dict[str, Any]) -> None:
    pod = stateful_set["spec"]["template"]["spec"]
    volumes = {one["name"]: one for one in pod["volumes"]}
    claims = {one["metadata"]["name"] for one in stateful_set["spec"].get("volumeClaimTemplates", [])}
    mounts = {m["name"] for c in (*pod["containers"], *pod["initContainers"]) for m in c["volumeMounts"]}
    assert mounts == volumes.keys() | claims
    for volume in volumes.values():
        if "secret" in volume:
            assert f"generic {volume['secret']['secretName']} " in README
    paths = {m["mountPath"]: m["name"] for m in container(stateful_set)["volumeMounts"]}
    for variable in container(stateful_set)["env"]:
        path = Path(variable["value"])
        if str(path.parent) in paths and (secret := volumes[paths[str(path.parent)]].get("secret")):
            made = next(line for line in README.splitlines() if f"generic {secret['secretName']} " in line)
            assert re.search(rf"--from-(literal|file)={path.name}=", made)


def test_the_keys_are_put_where_the_program_looks_for_them() -> None:
    told = {line.split()[4]: line for line in README.splitlines() if "create secret generic" in line}
    assert f"/{BUSINESS_FILE}" in told["realtime-switch-link-business"]
    assert f"/{GATEWAY_FILE}" in told["realtime-switch-gateway"]
    assert f"/{SIGNING_KEY_FILE}" in told["realtime-switch-gateway"]
    data = re.findall(r"RTS_DATA=(\S+)", (DEPLOY / "Containerfile").read_text())[0]
    for one in SETS.values():
        [init] = one["spec"]["template"]["spec"]["initContainers"]
        assert f"install -m 0600 /keys/* {data}/" in init["command"][-1]
        assert f"install -d -m 0700 {data}" in init["command"][-1]


def test_the_ports_are_those_of_the_settings(tmp_path: Path) -> None:
    gateway, business = settings_of(GATEWAY, tmp_path), settings_of(BUSINESS, tmp_path)
    assert container(GATEWAY)["ports"] == [{"name": "http", "containerPort": gateway.gateway.port}]
    port = int(business.link_address.rpartition(":")[2])
    assert container(BUSINESS)["ports"] == [{"name": "link", "containerPort": port}]
    name, service = BUSINESS["metadata"]["name"], BUSINESS["spec"]["serviceName"]
    assert list(gateway.link_addresses) == [
        f"tcp://{name}-{number}.{service}:{port}" for number in range(BUSINESS["spec"]["replicas"])
    ]
    headless = {one["metadata"]["name"] for one in documents() if one["kind"] == "Service"}
    assert {one["spec"]["serviceName"] for one in SETS.values()} <= headless
    assert gateway.gateway.drain_s == DRAIN_S


def test_the_probes_ask_what_the_gateway_answers() -> None:
    openapi = (ROOT / "docs" / "openapi.json").read_text()
    for probe in ("livenessProbe", "readinessProbe"):
        asked = container(GATEWAY)[probe]["httpGet"]
        assert asked["port"] == "http"
        assert f'"{asked["path"]}"' in openapi


def test_kustomize_puts_it_together() -> None:
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is not installed")
    done = subprocess.run(["kubectl", "kustomize", KUBERNETES], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "name: realtime-switch-gateway" in done.stdout
