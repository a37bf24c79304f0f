"""Servers that tests start do not get in each other's way."""

import subprocess
import sys

from tests.cli.conftest import REPOSITORY

ASKER = """
import sys
from tests.s3.servers import free_ports
print(*free_ports(60), *free_ports(60), flush=True)
sys.stdin.readline()
"""


def test_a_port_is_handed_out_once() -> None:
    askers = [
        subprocess.Popen(
            [sys.executable, "-c", ASKER],
            cwd=REPOSITORY,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    ports: list[int] = []
    for asker in askers:
        assert asker.stdout is not None
        ports += map(int, asker.stdout.readline().split())
    for asker in askers:
        asker.communicate("\n")
    assert len(set(ports)) == len(ports) == 360
