"""A message in the forms that services take: bounded, and with its markup made harmless.

People's names, purposes and document titles come from whoever typed them. In a service's markdown
``[点这里](http://…)`` would be a link under our name and ``<@all>`` would ring a whole group, so
the characters that begin such constructs become their full-width twins.
"""

from alerts.channels.base import Message, Severity

_HARMLESS = str.maketrans({"[": "［", "]": "］", "<": "＜", ">": "＞", "*": "＊", "`": "｀"})
_OPEN = {"zh_CN": "查看详情", "en": "Open"}
_URGENT = {"zh_CN": "【紧急】", "en": "[URGENT] "}
_MORE = {"zh_CN": "……（其余请看详情）", "en": "… (see details)"}


def _in(words: dict[str, str], locale: str) -> str:
    return words["en" if locale == "en" else "zh_CN"]


def harmless(text: str) -> str:
    """`text` with nothing in it that any of the services takes for markup or a mention."""
    text = text.translate(_HARMLESS)
    return "＃" + text[1:] if text.startswith("#") else text


def headline(message: Message) -> str:
    """The title, marked when urgent."""
    if message.severity is Severity.CRITICAL:
        return _in(_URGENT, message.locale) + message.title
    return message.title


def open_label(message: Message) -> str:
    """The words on the link."""
    return _in(_OPEN, message.locale)


def clip(text: str, limit: int, locale: str = "zh_CN") -> str:
    """`text` in at most `limit` bytes of UTF-8, cut between characters, with a note when cut."""
    raw = text.encode()
    if len(raw) <= limit:
        return text
    more = _in(_MORE, locale).encode()
    if limit < 2 * len(more):
        more = "…".encode()
    return raw[: limit - len(more)].decode(errors="ignore") + more.decode()


def safe_link(message: Message, limit: int) -> str:
    """The link, fit to stand in markdown; empty when there is none, or none that fits."""
    link = message.link.replace("(", "%28").replace(")", "%29").replace(" ", "%20")
    usable = link.startswith(("https://", "http://")) and len(link.encode()) <= limit // 2
    return harmless(link) if usable else ""


def plain(message: Message, limit: int, *, with_title: bool = True) -> str:
    """Title, lines and link as text lines in at most `limit` bytes; the link is never cut."""
    link = safe_link(message, limit)
    tail = f"\n{link}" if link else ""
    head = [headline(message)] if with_title else []
    body = "\n".join(harmless(line) for line in [*head, *message.lines])
    return clip(body, limit - len(tail.encode()), message.locale) + tail


def markdown(message: Message, limit: int, *, gap: str, heading: str = "### ") -> str:
    """The same in the little markdown that DingTalk and WeCom share; `gap` parts the lines."""
    link = safe_link(message, limit - 64)
    tail = f"{gap}[{open_label(message)}]({link})" if link else ""
    lines = [heading + harmless(headline(message)), *(harmless(line) for line in message.lines)]
    return clip(gap.join(lines), limit - len(tail.encode()), message.locale) + tail
