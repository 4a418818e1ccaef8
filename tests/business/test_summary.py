import asyncio

import pytest
from structlog.testing import capture_logs

from realtime_switch.accounts.records import Passage
from realtime_switch.business.history import LEFT_OUT, SHORTENED_CHARS_MAX, SUMMARY, SUMMARY_CHARS_MAX
from realtime_switch.business.summary import BACK_OFF_FIRST_S, TASK, NoAnswer, Summariser


class Model:
    """A model that answers when it is let, in the place of an endpoint."""

    def __init__(self) -> None:
        self.answer: str | Exception = "They spoke."
        self.asked: list[str] = []
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.was_asked = asyncio.Event()
        self.at_once = self.at_once_most = 0
        self.closed = False

    async def ask(self, task: str, text: str) -> str:
        assert task == TASK
        self.asked.append(text)
        self.was_asked.set()
        self.at_once += 1
        self.at_once_most = max(self.at_once, self.at_once_most)
        try:
            await self.may_answer.wait()
        finally:
            self.at_once -= 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    async def close(self) -> None:
        self.closed = True


@pytest.fixture
def model():
    return Model()


@pytest.fixture
async def summariser(database, model, clock):
    summariser = Summariser(database, model, clock)
    yield summariser
    model.may_answer.set()
    await summariser.close()


@pytest.fixture
async def ada(admin):
    return (await admin.create_account("ada@example.com")).id


async def say(database, account, *texts, session_id="s1", born_us=0):
    say.number += 1
    said = [
        Passage(id=f"{say.number}-{n}", account_id=account, session_id=session_id, text=text, born_us=born_us)
        for n, text in enumerate(texts)
    ]
    await database.write(lambda repos: repos.sessions.append(said, 0))


say.number = 0
LONG = [f"user: {n:05} {'x' * 187}\n" for n in range(200)]  # 40,000 characters


async def told(database, account, session_id="s1"):
    backlog = await database.read(lambda repos: repos.sessions.backlog(account, session_id))
    return backlog.text


async def test_a_long_conversation_becomes_a_summary_and_its_recent_part(database, summariser, model, ada):
    await say(database, ada, *LONG)
    summariser.begin(ada, "s1")
    await summariser.settled()
    kept = "".join(LONG[120:])
    assert model.asked == ["".join(LONG[:120])]
    assert await told(database, ada) == SUMMARY + "They spoke.\n" + kept
    assert len(kept) + SUMMARY_CHARS_MAX == SHORTENED_CHARS_MAX


async def test_nothing_that_was_said_is_deleted(database, summariser, admin, ada):
    await say(database, ada, *LONG)
    summariser.begin(ada, "s1")
    await summariser.settled()
    assert (await admin.session(ada, "s1")).conversation == "".join(LONG)


async def test_what_is_appended_while_a_summary_is_written_is_kept(database, summariser, model, ada):
    await say(database, ada, *LONG)
    model.may_answer.clear()
    summariser.begin(ada, "s1")
    await model.was_asked.wait()
    await say(database, ada, "agent: meanwhile\n", "user: more\n")
    model.may_answer.set()
    await summariser.settled()
    kept = "".join(LONG[120:])
    assert await told(database, ada) == SUMMARY + "They spoke.\n" + kept + "agent: meanwhile\nuser: more\n"


async def test_the_next_summary_is_made_of_the_last_one_and_what_came_after(database, summariser, model, ada):
    await say(database, ada, *LONG)
    summariser.begin(ada, "s1")
    await summariser.settled()
    model.answer = "They spoke again."
    await say(database, ada, *LONG)
    summariser.begin(ada, "s1")
    await summariser.settled()
    assert model.asked[1] == SUMMARY + "They spoke.\n" + "".join(LONG[120:] + LONG[:120])
    assert await told(database, ada) == SUMMARY + "They spoke again.\n" + "".join(LONG[120:])


async def test_a_conversation_within_the_bound_is_left_alone(database, summariser, model, ada):
    await say(database, ada, "user: hi\n")
    summariser.begin(ada, "s1")
    summariser.begin(ada, "no such session")
    await summariser.settled()
    assert model.asked == []
    assert await told(database, ada) == "user: hi\n"


async def test_an_answer_longer_than_asked_is_cut(database, summariser, model, ada):
    model.answer = "y" * 500_000
    await say(database, ada, *LONG)
    summariser.begin(ada, "s1")
    await summariser.settled()
    assert len(await told(database, ada)) == SHORTENED_CHARS_MAX


async def test_a_model_is_never_asked_to_read_without_end(database, summariser, model, ada):
    await say(database, ada, *LONG * 10)
    summariser.begin(ada, "s1")
    await summariser.settled()
    assert [199_700 < len(text) <= 200_000 and text.startswith(LEFT_OUT) for text in model.asked] == [True]


async def test_without_a_model_the_old_part_is_left_out_under_a_mark(database, clock, ada):
    summariser = Summariser(database, None, clock)
    await say(database, ada, *LONG)
    summariser.begin(ada, "s1")
    await summariser.settled()
    assert await told(database, ada) == LEFT_OUT + "".join(LONG[-119:])
    await summariser.close()


# -- How many at a time ----------------------------------------------------------------------------------


async def test_one_session_has_one_summary_at_a_time(database, summariser, model, ada):
    await say(database, ada, *LONG)
    model.may_answer.clear()
    summariser.begin(ada, "s1")
    summariser.begin(ada, "s1")
    await model.was_asked.wait()
    summariser.begin(ada, "s1")
    model.may_answer.set()
    await summariser.settled()
    assert len(model.asked) == 1


async def test_only_so_many_are_written_at_once_and_the_others_wait_their_turn(database, model, clock, ada):
    summariser = Summariser(database, model, clock, at_once_max=3)
    for n in range(7):
        await say(database, ada, *LONG, session_id=f"s{n}")
        summariser.begin(ada, f"s{n}")
    model.may_answer.clear()
    async with asyncio.timeout(10):
        while model.at_once < 3:
            await asyncio.sleep(0)
    model.may_answer.set()
    await summariser.settled()
    assert (model.at_once_most, len(model.asked)) == (3, 7)
    assert [len(await told(database, ada, f"s{n}")) < SHORTENED_CHARS_MAX for n in range(7)] == [True] * 7
    await summariser.close()


async def test_a_start_takes_up_what_an_earlier_process_left_undone(database, summariser, model, ada):
    await say(database, ada, *LONG, session_id="long")
    await say(database, ada, "user: hi\n", session_id="short")
    await summariser.resume()
    await summariser.settled()
    assert len(model.asked) == 1
    assert (await told(database, ada, "long")).startswith(SUMMARY)


async def test_closing_ends_what_is_running_and_stores_nothing_by_halves(database, summariser, model, ada):
    await say(database, ada, *LONG)
    model.may_answer.clear()
    summariser.begin(ada, "s1")
    await model.was_asked.wait()
    await summariser.close()
    summariser.begin(ada, "s1")
    assert (model.at_once, len(model.asked), model.closed) == (0, 1, True)
    assert await told(database, ada) == "".join(LONG)


# -- When it goes wrong ----------------------------------------------------------------------------------


async def test_a_failure_leaves_the_conversation_and_is_tried_again_later_each_time(
    database, summariser, model, clock, ada
):
    model.answer = NoAnswer("HTTP status 503")
    await say(database, ada, *LONG)
    asked_after_s = []
    for second in range(200):
        before = len(model.asked)
        summariser.begin(ada, "s1")
        await summariser.settled()
        if len(model.asked) > before:
            asked_after_s.append(second)
        clock.pass_s(1)
    assert asked_after_s == [0, BACK_OFF_FIRST_S, 3 * BACK_OFF_FIRST_S]
    assert await told(database, ada) == "".join(LONG)
    model.answer = "They spoke."
    clock.pass_s(3600)
    summariser.begin(ada, "s1")
    await summariser.settled()
    assert (await told(database, ada)).startswith(SUMMARY)


async def test_a_trouble_is_logged_once_with_its_end_and_without_a_word_of_what_was_said(
    database, summariser, model, clock, ada
):
    model.answer = NoAnswer("HTTP status 503")
    for n in range(3):
        await say(database, ada, *LONG, session_id=f"s{n}")
    with capture_logs() as logs:
        await summariser.resume()
        await summariser.settled()
        clock.pass_s(3600)
        model.answer = "They spoke."
        await summariser.resume()
        await summariser.settled()
    events = [entry["event"] for entry in logs]
    assert events == ["summary_failed", "summarised", "summary_works_again", "summarised", "summarised"]
    assert logs[0]["trouble"] == "HTTP status 503"
    assert "xxx" not in str(logs)
    assert "spoke" not in str(logs)


async def test_whatever_goes_wrong_with_one_the_others_go_on(database, model, clock, ada):
    summariser = Summariser(database, model, clock, at_once_max=1)
    model.answer = RuntimeError("user: secret")
    for n in range(2):
        await say(database, ada, *LONG, session_id=f"s{n}")
    with capture_logs() as logs:
        await summariser.resume()
        await summariser.settled()
    assert len(model.asked) == 2
    assert [entry["trouble"] for entry in logs] == ["<class 'RuntimeError'>"]
    await summariser.close()


async def test_a_summary_of_what_was_deleted_meanwhile_is_thrown_away(
    database, summariser, model, admin, ada, clock
):
    await say(database, ada, *LONG)
    model.may_answer.clear()
    summariser.begin(ada, "s1")
    await model.was_asked.wait()
    await admin.delete_session(ada, "s1")
    await say(database, ada, *(f"user: anew {n}\n" for n in range(200)), born_us=clock() + 1)
    model.may_answer.set()
    await summariser.settled()
    assert await told(database, ada) == "".join(f"user: anew {n}\n" for n in range(200))
