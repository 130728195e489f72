"""The parts of scripts/gpu-check. Only what runs in a rank imports torch."""
