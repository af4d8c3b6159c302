"""What batchdial must reach, measured against what a user would pick instead; no tests."""
