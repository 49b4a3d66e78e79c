"""The stand-in's own credentials, and the settings with which each channel reaches it.

They open nothing but the stand-in, so they may stand here in the open.
"""

from collections.abc import Mapping

GROUP = "值班群"
DINGTALK_ROBOT_TOKEN = "standin-dingtalk-robot"
DINGTALK_ROBOT_SECRET = "SECstandin0dingtalk0robot"
DINGTALK_APP_KEY = "standin-dingtalk-app"
DINGTALK_APP_SECRET = "standin-dingtalk-app-secret"
DINGTALK_AGENT_ID = 100001
WECOM_ROBOT_KEY = "standin-wecom-robot-key"
WECOM_CORP_ID = "wwstandin"
WECOM_SECRET = "standin-wecom-app-secret"
WECOM_AGENT_ID = 1000002
FEISHU_HOOK = "standin-feishu-hook"
FEISHU_ROBOT_SECRET = "standin-feishu-robot-secret"
FEISHU_APP_ID = "cli_standin"
FEISHU_APP_SECRET = "standin-feishu-app-secret"
ZHEZHENGDING_KEY = "standin-zhezhengding-key"
ZHEZHENGDING_SECRET = "standin-zhezhengding-secret"
ZHEZHENGDING_TENANT = "196729"
SMS_SECRET = "whsec_c3RhbmRpbi1zbXMtc2VjcmV0LTAwMDAwMDAwMDAwMA=="
WEBHOOK_SECRET = "whsec_c3RhbmRpbi13ZWJob29rLXNlY3JldC0wMDAwMDAwMDA="
NTFY_TOKEN = "tk_standin0ntfy0token"


def settings_for(base_url: str) -> dict[str, Mapping[str, object]]:
    """Channel name → settings, for every channel that speaks HTTP, and the console."""
    base = base_url.rstrip("/")
    return {
        "dingtalk_robot": {
            "base_url": base,
            "robots": {
                GROUP: {"access_token": DINGTALK_ROBOT_TOKEN, "secret": DINGTALK_ROBOT_SECRET}
            },
        },
        "dingtalk_person": {
            "base_url": base,
            "app_key": DINGTALK_APP_KEY,
            "app_secret": DINGTALK_APP_SECRET,
            "agent_id": DINGTALK_AGENT_ID,
        },
        "wecom_robot": {"base_url": base, "robots": {GROUP: {"key": WECOM_ROBOT_KEY}}},
        "wecom_person": {
            "base_url": base,
            "corp_id": WECOM_CORP_ID,
            "secret": WECOM_SECRET,
            "agent_id": WECOM_AGENT_ID,
        },
        "feishu_robot": {
            "base_url": base,
            "robots": {GROUP: {"hook": FEISHU_HOOK, "secret": FEISHU_ROBOT_SECRET}},
        },
        "feishu_person": {
            "base_url": base,
            "app_id": FEISHU_APP_ID,
            "app_secret": FEISHU_APP_SECRET,
        },
        "zhezhengding": {
            "base_url": base,
            "app_key": ZHEZHENGDING_KEY,
            "app_secret": ZHEZHENGDING_SECRET,
            "tenant_id": ZHEZHENGDING_TENANT,
        },
        "sms": {"url": f"{base}/sms/send", "secret": SMS_SECRET},
        "ntfy": {"url": base, "token": NTFY_TOKEN},
        "webhook": {"targets": {GROUP: {"url": f"{base}/webhook", "secret": WEBHOOK_SECRET}}},
        "console": {},
    }
