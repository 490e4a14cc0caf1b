// Pixel data to one upright, normalised grayscale image; suitability checks.
