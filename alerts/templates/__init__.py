"""The words of alerts and notices, one TOML file a language; `alerts.messages` renders them."""
