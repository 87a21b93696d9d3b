"""The first integration hour against a real server, with the script that vendors are given."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx2
import pytest
import yaml

from adapter.assets import copy_fictional_county

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = [sys.executable, str(ROOT / "examples" / "backend_services.py")]
START = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from adapter.__main__ import main; sys.exit(main())"
COMMAND = [sys.executable, "-c", START]
"""The command of this tree, whatever is installed."""


def run(folder, *words, client=False):
    """Run the script of the vendor, or a command of the county."""
    command = [*(SCRIPT if client else COMMAND), *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=60)  # noqa: S603 - our own


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@pytest.fixture
def site(tmp_path):
    """A county, in which the key that the vendor made is registered."""
    copy_fictional_county(tmp_path / "county")
    path = tmp_path / "county" / "partners.yaml"
    document = yaml.safe_load(path.read_text())
    made = run(tmp_path, "key", client=True)
    chart = document["clients"]["cottonwood-chart"]
    del chart["jwks_url"]
    chart["jwks"] = json.loads(made.stdout)
    path.write_text(yaml.safe_dump(document))
    return tmp_path


@pytest.mark.server
def test_from_a_key_to_the_first_question_and_out_again(site):
    assert oct((site / "key.json").stat().st_mode & 0o777) == "0o600"
    checked = run(site, "validate", "--site", "county")
    assert (checked.returncode, checked.stderr) == (0, "")
    port = free_port()
    base = f"http://127.0.0.1:{port}/fhir"
    settings = site / "county" / "site.toml"
    settings.write_text(settings.read_text().replace("127.0.0.1:8080", f"127.0.0.1:{port}"))
    server = subprocess.Popen(  # noqa: S603 - our own
        [*COMMAND, "serve", "--site", "county"],
        cwd=site,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until_live(port)
        answer = run(site, "get", base, "cottonwood-chart", "Observation?category=survey&code:not=ñandú", client=True)
        assert json.loads(answer.stdout)["total"] == 0, answer.stderr
        chosen = ("--organization", "cottonwood", "--purpose", "TREAT", "--scope", "system/Organization.r")
        answer = run(site, "get", base, "cottonwood-chart", "Organization/cottonwood", *chosen, client=True)
        assert json.loads(answer.stdout)["id"] == "cottonwood"
        alone = run(site, "token", base, "cottonwood-chart", "--user", "nobody", client=True)
        assert alone.returncode == 2
        assert "--organization" in alone.stderr
        named = (*chosen, "--user", "nobody")
        refused = run(site, "token", base, "cottonwood-chart", *named, client=True)
        assert refused.returncode == 1
        assert "invalid_grant" in refused.stderr
        request_id = refused.stderr.rpartition("quote ")[2].split()[0]
        told = run(site, "explain", "--site", "county", "--request", request_id)
        assert "no signature under the user agreement" in " ".join(told.stdout.split())
        listed = json.loads(run(site, "client", "list", "--site", "county", "--json").stdout)
        assert [(one["client"], one["tokens"]) for one in listed if one["tokens"]] == [("cottonwood-chart", 2)]
        token = run(site, "token", base, "cottonwood-chart", client=True).stdout.strip()
        assert status(f"{base}/Organization/cottonwood", token) == 200
        stopped = run(site, "client", "stop", "--site", "county", "cottonwood-chart", "--by", "officer")
        assert stopped.stdout == "cottonwood-chart is shut out; 3 revoked\n"
        assert status(f"{base}/Organization/cottonwood", token) == 401
        assert "invalid_client" in run(site, "token", base, "cottonwood-chart", client=True).stderr
        run(site, "client", "restore", "--site", "county", "cottonwood-chart", "--by", "officer")
        assert run(site, "token", base, "cottonwood-chart", client=True).returncode == 0
    finally:
        server.terminate()
        server.wait(20)


def until_live(port):
    for _ in range(400):
        try:
            if httpx2.get(f"http://127.0.0.1:{port}/health/live").status_code == 200:
                return
        except httpx2.TransportError:
            pass
        time.sleep(0.1)
    raise AssertionError("the server does not start")


def status(url, token):
    return httpx2.get(url, headers={"Authorization": f"Bearer {token}"}).status_code
