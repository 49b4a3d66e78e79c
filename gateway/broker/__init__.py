"""The embedded broker: Mosquitto when it is on PATH, else iotcore; and Mosquitto's configuration.

A broker's PUBACK never means stored by us (see docs/decisions); still its settings matter: with
Mosquitto's defaults a busy subscriber loses most of what was acknowledged to the publisher.
"""
