"""A session that is live on one gateway process is called at another: it goes there with its last words."""

import asyncio
import urllib.error
import urllib.request
from typing import Any

import msgspec
import pytest
import websockets

from real_processes import Plant, a_plant


def line(plant: Plant, key: str, number: int) -> Any:
    return websockets.connect(
        f"{plant.url(number)}?model=m&session_id=ada-1",
        additional_headers={"Authorization": f"Bearer {key}"},
        compression=None,
    )


async def ask(client: Any, text: str) -> str:
    said = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
    await client.send(msgspec.json.encode({"type": "conversation.item.create", "item": said}).decode())
    await client.send('{"type":"response.create","response":{"output_modalities":["text"]}}')
    while True:
        event = msgspec.json.decode(await client.recv())
        if event["type"] == "response.done":
            parts = [part for item in event["response"]["output"] for part in item["content"]]
            return "".join(part["text"] for part in parts)


async def closed(client: Any) -> int:
    async with asyncio.timeout(20):
        await client.wait_closed()
    code: int = client.close_code
    return code


def refused(plant: Plant, key: str, number: int) -> tuple[int, str]:
    """How the gateway says that it does not forget the session."""
    url = plant.url(number).replace("ws:", "http:").replace("/v1/realtime", "/v1/sessions/ada-1")
    request = urllib.request.Request(url, method="DELETE", headers={"Authorization": f"Bearer {key}"})
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request, timeout=20)
    with caught.value as answer:
        return answer.code, msgspec.json.decode(answer.read())["error"]["code"]


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
async def test_a_session_goes_from_gateway_to_gateway_with_its_last_words(
    engine: str, request: pytest.FixtureRequest
) -> None:
    """On PostgreSQL there are two business processes, and each gateway asks one of them."""
    url = request.getfixturevalue("postgres_url") if engine == "postgresql" else ""
    with a_plant(database_url=url) as plant:
        key = plant.open_account()
        plant.start()
        # A business process that a gateway has not reached yet knows nothing of its calls.
        for gateway in plant.gateways:
            while gateway.log.count("link up") < len(plant.businesses):
                await asyncio.sleep(0.05)
        clients: list[Any] = []
        for turn in range(4):
            client = await line(plant, key, turn % 2)
            if clients:
                known = await ask(client, "What is my name?")
                assert known == f"Your name is {NAMES[turn - 1]}."
                assert await closed(clients[-1]) == 4009
            await ask(client, f"My name is {NAMES[turn]}.")
            clients.append(client)
        for number in (0, 1):
            assert await asyncio.to_thread(refused, plant, key, number) == (409, "session_in_use")
        for number, name in enumerate(("Vera", "Wanda", "Xenia")):  # who hangs up and is back at once
            await clients[-1].close()
            clients.append(await line(plant, key, number % 2))
            await ask(clients[-1], f"My name is {name}.")
            await clients[-1].close()
            clients.append(await line(plant, key, (number + 1) % 2))
            assert await ask(clients[-1], "What is my name?") == f"Your name is {name}."
        await clients[-1].close()
        plant.stop()
        books = await plant.books()
        assert all(name in books.conversations["ada-1"] for name in NAMES)
        assert "Traceback" not in plant.logs()


NAMES = ("Nora", "Olga", "Pia", "Rosa")
