"""From structured truth to prompts, answers and tokens."""
