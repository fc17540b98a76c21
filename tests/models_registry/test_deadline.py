"""A server that answers a byte at a time is no longer waited for than one that says nothing."""

from __future__ import annotations

import socket
import threading
import time

import pytest

from models_registry.actions.responses import request_responses
from models_registry.generation.generate import generate_next
from tests.factories import make_endpoint, make_golden_set_version, make_model_version

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n"


@pytest.fixture
def dribbling():
    """`dribbling(at_once)`: the base URL of a server that sends this, and then a byte every tenth of a second."""
    over = threading.Event()
    listeners = []

    def start(at_once: bytes) -> str:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def serve() -> None:
            try:
                peer, _address = listener.accept()
                with peer:
                    peer.recv(65536)
                    peer.sendall(at_once)
                    while not over.wait(0.1):
                        peer.sendall(b"1")
            except OSError:
                pass  # the client hung up, as it should

        threading.Thread(target=serve, daemon=True).start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}/v1"

    yield start
    over.set()
    for listener in listeners:
        listener.close()


@pytest.mark.parametrize("at_once", [HEAD + b"\r\n", HEAD + b"X-Long: "], ids=["body", "headers"])
@pytest.mark.timeout(300)
@pytest.mark.django_db
def test_a_server_that_dribbles_is_given_up_within_the_timeout(dribbling, at_once):
    endpoint = make_endpoint(dribbling(at_once), timeout_seconds=1)
    (response,) = request_responses(
        model_version=make_model_version(endpoint=endpoint),
        examples=make_golden_set_version(1).examples.all(),
    ).values()
    started = time.monotonic()
    generate_next(endpoint.pk)
    assert time.monotonic() - started < 60  # a byte every tenth of a second would take 100
    response.refresh_from_db()
    assert (response.status, response.last_error) == ("pending", "No answer within 1 s.")
