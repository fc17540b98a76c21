"""How near to an endpoint's limit the workers keep, and what they reach without one, beside a bare asyncio loop.

    make bench-generation        about five minutes; SECONDS=20 for a shorter window

It starts PostgreSQL, Redis, an endpoint that takes a second for every answer (tests/fast_endpoint.py), and real
`celery -A evalsite worker` processes of 100 threads: one, then three. The rate is what the endpoint counts in a window
after a warm-up. The bare loop is 100 coroutines that ask the same endpoint through AsyncOpenAI and throw the answers
away; it is measured before and after the workers, because the machine may have other things to do.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench.served import services  # noqa: E402

AT_ONCE = 100
LIMIT = 3000


@dataclass(frozen=True)
class Measured:
    """Of the endpoint's own count in the window; `cpu`: seconds of the workers' CPU a request."""

    rate: float
    throttled: float
    requests: int
    most_at_once: int
    cpu: float


def start(command: list[str], **options: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *command],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        **options,
    )


class Workers:
    """`celery -A evalsite worker` processes; the first brings the schedule."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.processes: list[subprocess.Popen[bytes]] = []

    def add(self) -> None:
        number = len(self.processes)
        beat = () if number else ("--beat", "--schedule", str(self.folder / "beat"))
        with (self.folder / f"worker-{number}.log").open("wb") as log:
            command = [
                *("-m", "celery", "-A", "evalsite", "worker", "-n", f"bench-{number}@localhost"),
                *("--without-gossip", "--without-mingle"),
                *beat,
            ]
            self.processes.append(
                subprocess.Popen(
                    [sys.executable, *command], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log
                )
            )

    def cpu(self) -> float:
        total = 0.0
        for process in self.processes:
            fields = Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
            total += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        return total

    def stop(self) -> None:
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def stats(address: str) -> dict[str, int]:
    with urllib.request.urlopen(f"{address}/stats", timeout=10) as answer:  # noqa: S310 - our own
        counts: dict[str, int] = json.load(answer)
    return counts


def window(address: str, warm_up: float, seconds: float, cpu: Callable[[], float]) -> Measured:
    """Wait for the first answers, let it settle, then count."""
    deadline = time.monotonic() + 60
    before = stats(address)["answered"]
    while stats(address)["answered"] == before:
        if time.monotonic() > deadline:
            raise SystemExit("no request reached the endpoint within a minute")
        time.sleep(0.2)
    time.sleep(warm_up)
    first, at, used = stats(address), time.monotonic(), cpu()
    time.sleep(seconds)
    last, took = stats(address), time.monotonic() - at
    used = cpu() - used
    requests = last["requests"] - first["requests"]
    return Measured(
        rate=(last["answered"] - first["answered"]) / took,
        throttled=(last["throttled"] - first["throttled"]) / max(1, requests),
        requests=requests,
        most_at_once=last["most_at_once"],
        cpu=used / max(1, requests),
    )


def bare(address: str, warm_up: float, seconds: float) -> Measured:
    """The bare loop, in a process of its own."""
    loop = start([__file__, "--bare", f"{address}/v1"])
    try:
        return window(address, warm_up, seconds, lambda: 0.0)
    finally:
        loop.terminate()
        loop.wait()


async def ask_for_ever(base_url: str) -> None:
    import openai

    client = openai.AsyncOpenAI(base_url=base_url, api_key="none", max_retries=0)

    async def lane() -> None:
        while True:
            await client.chat.completions.create(
                model="fast", messages=[{"role": "user", "content": "Where is my refund?"}], temperature=0
            )

    await asyncio.gather(*(lane() for _ in range(AT_ONCE)))


def by_workers(
    address: str, limit: int, examples: Any, workers: Workers, options: argparse.Namespace
) -> Measured:
    from django.db import connection
    from django.utils import timezone

    from models_registry.actions.responses import request_responses
    from models_registry.actions.runs import cancel_run, start_run
    from models_registry.models import Response
    from tests.factories import make_endpoint, make_model_version

    endpoint = make_endpoint(
        f"{address}/v1", max_concurrency=AT_ONCE, requests_per_minute=limit or None, timeout_seconds=30
    )
    run = start_run(by=None)
    request_responses(model_version=make_model_version(endpoint=endpoint), examples=examples, run=run)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")  # as autovacuum would by itself, which is off here
    measured = window(address, options.warm_up, options.seconds, workers.cpu)
    if not Response.objects.filter(run=run, status="pending").exists():
        raise SystemExit("the prompts ran out before the window did; give more --rows")
    cancel_run(run=run)
    while Response.objects.filter(run=run, lease_until__gte=timezone.now()).exists():
        time.sleep(0.2)
    failed = Response.objects.filter(run=run, status="failed").count()
    if failed:
        print(f"{failed} responses FAILED: {Response.objects.filter(status='failed')[0].last_error}")
    return measured


def line(name: str, measured: Measured, ratio: float) -> None:
    cpu = f"{1000 * measured.cpu:>7.1f} ms" if measured.cpu else " " * 10
    print(
        f"{name:<46}{measured.rate:>8.1f}/s{100 * ratio:>8.1f} %{100 * measured.throttled:>9.2f} %"
        f"{measured.most_at_once:>7}{cpu}",
        flush=True,
    )


def measure(port: int, folder: Path, options: argparse.Namespace) -> None:
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection

    from tests.factories import make_golden_set_version, make_rows

    call_command("migrate", verbosity=0)
    rows = options.rows or int(AT_ONCE * (options.seconds + options.warm_up + 20))
    examples = list(make_golden_set_version(make_rows(rows)).examples.all())
    print(
        f"latency 1 s, {AT_ONCE} at once; Python {platform.python_version()}, PostgreSQL "
        f"{connection.pg_version // 10000}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; "
        f"{options.seconds:g} s after {options.warm_up:g} s"
    )
    print(f"{'':<46}{'rate':>10}{'ratio':>10}{'429':>11}{'at once':>8}{'CPU each':>9}")
    addresses = {limit: f"http://127.0.0.1:{port}/{limit}" for limit in (0, LIMIT)}
    workers = Workers(folder)
    bares = []

    def loop() -> None:
        bares.append(bare(f"{addresses[0]}0", options.warm_up / 2, options.seconds / 2))
        line("bare asyncio loop", bares[-1], 1.0)

    try:
        loop()
        workers.add()
        free = by_workers(addresses[0], 0, examples, workers, options)
        line("no limit, 1 worker", free, free.rate / bares[0].rate)
        at_limit = by_workers(addresses[LIMIT], LIMIT, examples, workers, options)
        line(f"{LIMIT:,} a minute, 1 worker", at_limit, at_limit.rate * 60 / LIMIT)
        if not options.one:
            workers.add()
            workers.add()
            at_limit = by_workers(addresses[LIMIT], LIMIT, examples, workers, options)
            line(f"{LIMIT:,} a minute, 3 workers", at_limit, at_limit.rate * 60 / LIMIT)
    finally:
        workers.stop()
    loop()
    ratio = free.rate / statistics.mean(one.rate for one in bares)
    print(f"no limit, 1 worker / mean of the bare loops: {100 * ratio:.1f} %")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=40)
    parser.add_argument("--warm-up", type=float, default=10)
    parser.add_argument("--rows", type=int)
    parser.add_argument("--one", action="store_true", help="one worker only")
    parser.add_argument("--bare", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.bare:
        asyncio.run(ask_for_ever(options.bare))
        return
    with services("postgres", "redis", WORKER_THREADS=str(AT_ONCE)) as folder:
        endpoint = start([str(ROOT / "tests" / "fast_endpoint.py"), "--delay", "1"])
        assert endpoint.stdout is not None
        try:
            measure(int(endpoint.stdout.readline()), folder, options)
        finally:
            endpoint.communicate()


if __name__ == "__main__":
    main()
