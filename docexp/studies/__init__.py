"""Many runs: launching sweeps."""
