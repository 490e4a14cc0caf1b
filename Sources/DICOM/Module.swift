// Datasets, tags, UIDs, transfer syntaxes and character sets.
