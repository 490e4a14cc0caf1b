// Report metrics, error counts, grounding scores and the judge port.
