// Checkpoints, tokenizers, vision encoders, language models and generation.
