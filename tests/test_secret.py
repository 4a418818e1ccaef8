from realtime_switch.secret import Secret


def test_a_secret_shows_itself_only_when_asked_by_name():
    secret = Secret("sk-hush")
    assert secret.reveal() == "sk-hush"
    assert "hush" not in f"{secret} {secret!r} {[secret]}"


def test_secrets_are_equal_when_their_text_is():
    assert Secret("a") == Secret("a")
    assert len({Secret("a"), Secret("a"), Secret("b")}) == 2
    assert Secret("a") != "a"
