"""A message as Feishu's rich text ("post"): structured, so nothing in a line can become markup.

https://open.feishu.cn/document/server-docs/im-v1/message-content-description/create_json
"""

from alerts.channels.base import Message
from alerts.channels.text import clip, headline, open_label, safe_link


def post(message: Message, limit: int) -> dict[str, object]:
    """The content under the message's language; `limit` bounds the lines' text in bytes."""
    lines = clip("\n".join(message.lines), limit, message.locale).split("\n")
    content: list[list[dict[str, str]]] = [[{"tag": "text", "text": line}] for line in lines]
    link = safe_link(message, limit)
    if link:
        content.append([{"tag": "a", "text": open_label(message), "href": link}])
    language = "en_us" if message.locale == "en" else "zh_cn"
    return {language: {"title": headline(message), "content": content}}
