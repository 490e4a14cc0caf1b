// The domain's values: Reading, Finding, Region and terminology.
