// A reading to SR, GSPS, Secondary Capture and key objects.
