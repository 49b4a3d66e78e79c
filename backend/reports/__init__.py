"""What people take away on paper or as a file: the register, uses, alerts; xlsx and PDF."""
