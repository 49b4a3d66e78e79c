"""The sleeve's hardware as the simulator has it: what its cameras see."""
