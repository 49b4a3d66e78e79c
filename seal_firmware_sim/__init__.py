"""The electronic sleeve in software: firmware, hardware ports, devices, fleets and scenarios."""
