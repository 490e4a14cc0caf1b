// The service: pipeline stages, scheduling, configuration and life cycle.
