#!/usr/bin/env python3
"""Makes the fixtures of the parity suite, byte-identical from run to run.

    python3 -m venv .venv-fixtures && .venv-fixtures/bin/pip install -r requirements.txt
    .venv-fixtures/bin/python make_fixtures.py [tokenizers] [images] [models] [research]
"""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def main():
    wanted = sys.argv[1:] or ["tokenizers", "images", "models", "research"]
    if "tokenizers" in wanted:
        import tokenizer_fixtures

        tokenizer_fixtures.write(HERE / "tokenizers")
    if "images" in wanted:
        import image_fixtures

        image_fixtures.write(HERE / "images")
    if "models" in wanted:
        import model_fixtures

        model_fixtures.write(HERE / "models")
    if "research" in wanted:
        import research_fixtures

        research_fixtures.write(HERE / "models")


if __name__ == "__main__":
    main()
