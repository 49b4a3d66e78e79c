"""THE list of channels. To add one: write its file, add its line here and its part in the docs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from alerts.channels import (
    console,
    dingtalk_person,
    dingtalk_robot,
    email,
    feishu_person,
    feishu_robot,
    ntfy,
    sms,
    web_push,
    webhook,
    wecom_person,
    wecom_robot,
    zhezhengding,
)
from alerts.channels.base import Channel, ConfigError
from alerts.channels.http import Runtime
from alerts.channels.settings import Setting, Values, read_settings


@dataclass(frozen=True, slots=True)
class Factory:
    """Makes one kind of channel out of its settings."""

    title: str
    settings: tuple[Setting, ...]
    make: Callable[[Values, Runtime], Channel]

    def __call__(self, given: Mapping[str, object], runtime: Runtime) -> Channel:
        """Check `given` and make the channel. Secrets stand in it as values.

        Raises:
            ConfigError: with everything that is wrong, in sentences that say what to do.
        """
        return self.make(read_settings(self.title, self.settings, given), runtime)


CHANNELS: Mapping[str, Factory] = MappingProxyType(
    {
        "dingtalk_robot": Factory(
            dingtalk_robot.SERVICE, dingtalk_robot.SETTINGS, dingtalk_robot.DingTalkRobot
        ),
        "dingtalk_person": Factory(
            dingtalk_person.SERVICE, dingtalk_person.SETTINGS, dingtalk_person.DingTalkPerson
        ),
        "wecom_robot": Factory(wecom_robot.SERVICE, wecom_robot.SETTINGS, wecom_robot.WeComRobot),
        "wecom_person": Factory(
            wecom_person.SERVICE, wecom_person.SETTINGS, wecom_person.WeComPerson
        ),
        "feishu_robot": Factory(
            feishu_robot.SERVICE, feishu_robot.SETTINGS, feishu_robot.FeishuRobot
        ),
        "feishu_person": Factory(
            feishu_person.SERVICE, feishu_person.SETTINGS, feishu_person.FeishuPerson
        ),
        "zhezhengding": Factory(
            zhezhengding.SERVICE, zhezhengding.SETTINGS, zhezhengding.Zhezhengding
        ),
        "sms": Factory(sms.SERVICE, sms.SETTINGS, sms.Sms),
        "email": Factory(email.SERVICE, email.SETTINGS, email.Email),
        "web_push": Factory(web_push.SERVICE, web_push.SETTINGS, web_push.WebPush),
        "ntfy": Factory(ntfy.SERVICE, ntfy.SETTINGS, ntfy.Ntfy),
        "webhook": Factory(webhook.SERVICE, webhook.SETTINGS, webhook.Webhook),
        "console": Factory(console.SERVICE, console.SETTINGS, console.Console),
    }
)


def build_channels(
    given: Mapping[str, Mapping[str, object]], runtime: Runtime
) -> dict[str, Channel]:
    """The channels that `given` names (channel name → its settings), in the registry's order.

    Raises:
        ConfigError: with the problems of all channels at once.
    """
    problems = [
        f"没有名为 {name} 的通道，请删除或改正；可用的有 {'、'.join(CHANNELS)}"
        for name in given
        if name not in CHANNELS
    ]
    built: dict[str, Channel] = {}
    for name, factory in CHANNELS.items():
        if name not in given:
            continue
        try:
            built[name] = factory(given[name], runtime)
        except ConfigError as error:
            problems.extend(error.problems)
    if problems:
        raise ConfigError(tuple(problems))
    return built
