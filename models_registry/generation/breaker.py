"""A circuit breaker for each endpoint (Nygard, Release It!, 2007).

After several faults in a row that are the endpoint's own it counts as *down*: nothing is asked but one request now
and then, which tries whether it lives. What fails meanwhile costs no response an attempt, so an evaluation waits
for an endpoint however long that takes, and goes on by itself.
"""

from __future__ import annotations

import random
from datetime import datetime, timedelta

from django.db import transaction

from models_registry.models import Endpoint, EndpointUse, Fault

FAULTS_UNTIL_DOWN = 5
LONGEST_WAIT_SECONDS = 60.0
OF_THE_ENDPOINT = frozenset(
    {Fault.Kind.CONNECTION, Fault.Kind.TIMEOUT, Fault.Kind.SERVER, Fault.Kind.THROTTLED, Fault.Kind.GARBAGE}
)


@transaction.atomic
def count_fault(endpoint: Endpoint, kind: str, message: str, now: datetime) -> bool:
    """Count a fault; True where the endpoint is down, so that the response is not to blame."""
    if kind not in OF_THE_ENDPOINT:
        return False
    use = EndpointUse.objects.select_for_update().get(endpoint=endpoint)
    if use.down_since is not None and use.paused_until is not None and use.paused_until > now:
        return True  # was under way when it went down, and says nothing new
    use.faults_in_a_row += 1
    if use.faults_in_a_row >= FAULTS_UNTIL_DOWN:
        beyond = min(use.faults_in_a_row - FAULTS_UNTIL_DOWN, 10)
        wait = min(LONGEST_WAIT_SECONDS, 2.0**beyond) * random.uniform(0.75, 1.0)  # noqa: S311 - jitter
        until = now + timedelta(seconds=wait)
        use.paused_until = max(use.paused_until or until, until)
        use.down_since = use.down_since or now
        use.down_message = message[:1000]
    use.save(update_fields=["faults_in_a_row", "paused_until", "down_since", "down_message"])
    return use.down_since is not None


def count_answer(endpoint: Endpoint) -> None:
    """An endpoint that answered lives."""
    EndpointUse.objects.filter(endpoint=endpoint, faults_in_a_row__gt=0).update(
        faults_in_a_row=0, down_since=None, down_message=""
    )
