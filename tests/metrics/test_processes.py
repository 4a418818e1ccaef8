"""Real processes: whichever gateway is asked shows all, and who is killed or hangs is told."""

import time
import urllib.error
import urllib.request
from collections.abc import Callable

import prometheus
from prometheus import Page, value
from real_processes import Plant, a_plant

NAMES = ("business-1", "gateway-1", "gateway-2")


def scrape(plant: Plant, gateway: int) -> Page:
    address = plant.url(gateway).replace("ws://", "http://").replace("/v1/realtime", "/metrics")
    token = (plant.data / "metrics.token").read_text().strip()
    request = urllib.request.Request(address, headers={"authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return prometheus.read(answer.read().decode())


def up(page: Page) -> dict[str, float]:
    return {name: value(page, "realtime_switch_up", process=name) for name in NAMES if _is_in(page, name)}


def _is_in(page: Page, process: str) -> bool:
    return ("realtime_switch_up", frozenset({("process", process)})) in page


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)


def ready(plant: Plant) -> bool:
    try:
        return len(up(scrape(plant, 0))) == 3
    except urllib.error.HTTPError:
        raise
    except OSError:
        return False  # nobody listens yet


def test_all_are_shown_whichever_is_asked_and_what_becomes_of_them_too() -> None:
    with a_plant(gateways=2) as plant:
        plant.open_account()
        plant.start()
        until(lambda: ready(plant))
        pages = [scrape(plant, gateway) for gateway in (0, 1)]
        for page in pages:
            assert up(page) == dict.fromkeys(NAMES, 1.0)
            for name in NAMES:
                assert value(page, "process_resident_memory_bytes", process=name) > 1e6
                assert value(page, "realtime_switch_info", process=name) == 1
        printed = plant.text("metrics")
        assert up(prometheus.read(printed)) == dict.fromkeys(NAMES, 1.0)
        [business] = plant.businesses
        business.pause()
        assert up(scrape(plant, 1))["business-1"] == 0
        business.go_on()
        until(lambda: up(scrape(plant, 1))["business-1"] == 1)
        business.kill()
        assert "business-1" not in up(scrape(plant, 1))
        business.start()
        until(lambda: up(scrape(plant, 0)) == dict.fromkeys(NAMES, 1.0))
