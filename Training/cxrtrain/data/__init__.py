"""Real radiographs and the phantom, as training examples."""
