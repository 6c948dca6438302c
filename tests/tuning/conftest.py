"""A temporary PostgreSQL server."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from servers import INITDB, POSTGRES

USER, PASSWORD = "sklenet", "correct horse"


@pytest.fixture(scope="module")
def postgresql():
    """Start a server on the loopback interface in a temporary folder, and yield the URL of its database."""
    # The server refuses to run as root.
    user = "postgres" if os.geteuid() == 0 else None
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="sklenet-") as folder:
        home = Path(folder)
        (home / "password").write_text(PASSWORD)
        if user:
            shutil.chown(home, user)
            shutil.chown(home / "password", user)
        subprocess.run(
            [INITDB, "-D", home / "data", "--username", USER, "--pwfile", home / "password", "--auth=scram-sha-256"],
            check=True, user=user, cwd=folder, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        command = [POSTGRES, "-D", home / "data", "-h", "127.0.0.1", "-p", str(port), "-k", folder, "-F"]
        with (home / "log").open("w+") as log, subprocess.Popen(command, user=user, cwd=folder, stderr=log) as server:
            while "ready to accept connections" not in (home / "log").read_text():
                assert server.poll() is None, (home / "log").read_text()
                time.sleep(0.05)
            yield f"postgresql://{USER}:{PASSWORD.replace(' ', '%20')}@127.0.0.1:{port}/postgres"
            server.send_signal(signal.SIGINT)  # fast shutdown, which does not wait for clients to disconnect
