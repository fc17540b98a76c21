"""A real LiteLLM proxy on 127.0.0.1, in front of servers of the tests. It has an environment of its own."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# beside, not within, the environment of the tests: it wants another version of the openai package
BINARY = ROOT / ".venv" / "litellm" / "bin" / "litellm"
HOW_TO_GET = "no LiteLLM proxy here (make litellm)"
KEY, UPSTREAM_KEY = "sk-proxy-only", "sk-upstream-only"
# on a busy machine it takes half a minute to import itself
PATIENCE = 120.0
# ends the proxy when our end of the pipe closes, however this process ends
WRAPPED = '"$@" & child=$!; cat >/dev/null; kill "$child"; wait "$child"'


class LiteLLMProxy:
    """`upstreams` are base URLs by the names that the proxy gives their models. `log` is what it prints."""

    def __init__(self, folder: Path, upstreams: Mapping[str, str]) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self.log = folder / "litellm.log"
        config = folder / "litellm.json"
        config.write_text(json.dumps(_config(upstreams)))
        # nothing of ours: no keys, no proxies, no home; and no look for prices in the network
        environment = {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "HOME": str(folder),
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
            "LITELLM_TELEMETRY": "False",
            "DISABLE_ADMIN_UI": "True",
            "NO_PROXY": "*",
        }
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                [
                    *("sh", "-c", WRAPPED, "sh", str(BINARY), "--config", str(config)),
                    *("--host", "127.0.0.1", "--port", str(self.port), "--num_workers", "1"),
                ],
                cwd=folder,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def wait(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while not self._lives():
            if time.monotonic() > deadline or self.process.poll() is not None:
                self.stop()
                raise RuntimeError(f"the LiteLLM proxy did not start:\n{self.log.read_text()[-2000:]}")
            time.sleep(0.2)

    def stop(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(60)

    def _lives(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health/liveliness", timeout=2):
                return True
        except OSError:
            return False


def _config(upstreams: Mapping[str, str]) -> dict[str, object]:
    """Retries, cooldowns and fallbacks are off: waiting is Evalsite's, which counts it."""
    return {
        "model_list": [
            {
                "model_name": name,
                "litellm_params": {
                    "model": f"openai/{name}",
                    "api_base": base_url,
                    "api_key": UPSTREAM_KEY,
                    "max_retries": 0,
                },
            }
            for name, base_url in upstreams.items()
        ],
        "litellm_settings": {"telemetry": False, "num_retries": 0},
        "router_settings": {"num_retries": 0, "disable_cooldowns": True},
        "general_settings": {"master_key": KEY},
    }
