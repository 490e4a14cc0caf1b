// The study store and work queue.
