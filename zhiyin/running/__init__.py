"""How parts run as processes: locks, ports, heartbeats, the broker, the web server, signals."""
