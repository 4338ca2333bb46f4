"""The production stack in containers, and an identity provider that it believes."""

import json
import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from jwt.algorithms import OKPAlgorithm

from chassis.callers import Role
from chassis.tokens import public_key
from fleet import keys, secret_files
from fleet.services import ROOT, SERVICES, urls
from tests import ports
from tests.access.tokens import ADA, Tokens

FILES = ("docker-compose.yml", "docker-compose.prod.yml", "tests/docker/watchers.yml")

ISSUER = "https://issuer.example"
AUDIENCE = "shop"


class Stack:
    """The containers of a project, as Docker describes them."""

    def __init__(self, folder: Path, base: int, provider: str) -> None:
        self.secrets = folder / "secrets"
        self._tokens = Tokens(folder / "provider")
        self._base = base
        self._environment = {
            **os.environ,
            **{f"{each.name.upper()}_PORT": str(each.port(self._base)) for each in SERVICES},
            "GRAFANA_PORT": str(self._base + 11),
            "COMPOSE_PROJECT_NAME": f"shop-prod-{os.getpid()}",
            "SECRETS_DIR": str(self.secrets),
            "OIDC_ISSUER": ISSUER,
            "OIDC_AUDIENCE": AUDIENCE,
            "OIDC_JWKS_URL": provider,
        }
        self.containers: dict[str, Any] = {}

    @property
    def project(self) -> str:
        return self._environment["COMPOSE_PROJECT_NAME"]

    @property
    def urls(self) -> dict[str, str]:
        return urls(self._base)

    def token(self, role: Role, subject: object = ADA) -> str:
        return self._tokens.person(role, subject=subject, iss=ISSUER, aud=AUDIENCE)

    def compose(self, *arguments: str) -> str:
        files = [word for file in FILES for word in ("-f", file)]
        return self._docker("compose", *files, "--profile", "observability", *arguments)

    def _docker(self, *arguments: str, check: bool = True) -> str:
        done = subprocess.run(
            ["/usr/bin/env", "docker", *arguments],
            cwd=ROOT,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0 or not check, done.stderr[-3000:]
        return done.stdout

    def look(self) -> None:
        """Ask Docker once what there is."""
        ids = self.compose("ps", "--all", "--quiet").split()
        for each in json.loads(self._docker("inspect", *ids)):
            self.containers[each["Config"]["Labels"]["com.docker.compose.service"]] = each

    def network(self, name: str) -> Any:
        """A network of this project, as Docker describes it."""
        (found,) = json.loads(self._docker("network", "inspect", f"{self.project}_{name}"))
        return found

    def python(self, name: str, program: str, *arguments: str) -> str:
        """What a program says that runs in this container."""
        return self._exec(name, "python", "-c", program, *arguments)

    def sh(self, name: str, command: str) -> str:
        return self._exec(name, "sh", "-c", command).strip()

    def _exec(self, name: str, *command: str) -> str:
        return self._docker("exec", self.containers[name]["Id"], *command, check=False)


@contextmanager
def running(folder: Path) -> Iterator[Stack]:
    secret_files.make(folder / "secrets")
    keys.make_missing(folder / "secrets", keys.PAIRS, mode=0o644)
    keys.make_missing(folder / "provider", [keys.LOCAL_KEY])
    with ports.reserved() as base, provider(folder / "provider") as url:
        stack = Stack(folder, base, url)
        try:
            stack.compose("up", "--build", "--wait", "--quiet-pull")
            stack.look()
            yield stack
        finally:
            stack.compose("down", "--volumes", "--timeout", "3")


@contextmanager
def provider(folder: Path) -> Iterator[str]:
    """Tells the key that it signs people's tokens with, to whoever is on this machine's Docker."""
    key = OKPAlgorithm.to_jwk(public_key(folder / f"{keys.LOCAL_KEY}.pub"), as_dict=True)

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps({"keys": [key]}).encode())

    address = address_for_containers()
    with HTTPServer((address, 0), Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://{address}:{server.server_port}/keys"
        server.shutdown()


def address_for_containers() -> str:
    """This machine's own on Docker's first network: the first there is."""
    subnet = "{{(index .IPAM.Config 0).Subnet}}"
    command = ["/usr/bin/env", "docker", "network", "inspect", "bridge", "--format", subnet]
    found = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return str(ip_network(found.strip())[1])
