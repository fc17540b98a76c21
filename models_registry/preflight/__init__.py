"""What is checked in a golden set before it counts: warnings and coverage. Pure, no Django."""
