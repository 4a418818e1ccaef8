"""How long it takes to start, and what a process weighs that has nothing to do yet."""

import subprocess
import time

from .figures import Round
from .load import Way
from .systems import COMMAND, Installation, Place, System, pinned, rss_bytes, wait_for

AT_REST_S = 1.0


def start(place: Place) -> Round:
    """`--help`, then a gateway from the start of its process until it is ready, beside a business process."""
    began_s = time.perf_counter()
    subprocess.run(
        [*COMMAND, "--help"], stdout=subprocess.DEVNULL, check=True, preexec_fn=pinned(place.cores.system)
    )
    help_s = time.perf_counter() - began_s
    here = Installation(place, "openai", to_provider=False, to_client=False, interpreted=False)
    processes = [here.business()]
    try:
        # A first gateway makes what an installation has from then on: keys, an outbox.
        for _ in range(2):
            began_s = time.perf_counter()
            processes.append(here.gateway())
            wait_for(here.port, processes[-1], "/readyz")
            ready_s = time.perf_counter() - began_s
            time.sleep(AT_REST_S)
            found = {
                "help_ms": help_s * 1e3,
                "ready_ms": ready_s * 1e3,
                "gateway_mb": rss_bytes(processes[-1].pid) / 1e6,
                "business_mb": rss_bytes(processes[0].pid) / 1e6,
            }
            System(Way(""), processes=[processes.pop()]).stop()
    finally:
        System(Way(""), processes=processes[::-1]).stop()
    return found
