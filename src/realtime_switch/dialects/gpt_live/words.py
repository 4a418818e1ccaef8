"""The words of one voice, item by item: they come in parts, and then perhaps once more as a whole."""


class Words:
    def __init__(self) -> None:
        self._told: dict[str, str] = {}  # by item, so far

    def untold(self, item_id: str, text: str, final: bool) -> str:
        """Of a whole, what was not told in parts. A blank stands before the first word, as the service has
        it."""
        before = self._told.get(item_id, "")
        if final:
            self._told.pop(item_id, None)
            text = text[len(before) :] if text.startswith(before) else ("" if before else text)
        else:
            self._told[item_id] = before + text
        return f" {text}" if text and not before and not text.startswith(" ") else text
