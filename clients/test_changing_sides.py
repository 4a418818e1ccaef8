"""A conversation that begins in one dialect on one provider goes on in either dialect on either provider."""

from dataclasses import replace

import pytest

import test_google_genai as google
import test_openai_sdk as openai
from conftest import ROUTES, Target

CLIENTS = ("openai", "gemini")


async def ask(client: str, target: Target, session_id: str, text: str) -> str:
    """In a call of its own."""
    if client == "gemini":
        async with google.calling(target, session_id) as call:
            return await call.ask(text)
    async with openai.calling(target, session_id) as talk:
        await talk.configure(output_modalities=["text"], instructions="Be brief.")
        return await talk.ask(text)


@pytest.mark.parametrize("route_after", ROUTES)
@pytest.mark.parametrize("after", CLIENTS)
@pytest.mark.parametrize("route_before", ROUTES)
@pytest.mark.parametrize("before", CLIENTS)
async def test_a_name_told_here_is_known_there(
    account: Target, session_id: str, before: str, route_before: str, after: str, route_after: str
) -> None:
    # One gateway: it waits for the last words of its own calls; another's take a moment to arrive (A9).
    here, there = (replace(account.with_tls, model=route) for route in (route_before, route_after))
    await ask(before, here, session_id, "My name is Ada.")
    answer = await ask(after, there, session_id, "What is my name?")
    assert answer == "Your name is Ada."
