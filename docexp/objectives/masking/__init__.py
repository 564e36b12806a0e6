"""The masking laws: which tokens, patches and lines an objective hides, as pure functions of arrays and a generator."""
