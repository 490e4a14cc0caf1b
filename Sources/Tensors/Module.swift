// Matrices, quantised weights, thread pool, attention, norm and rope.
