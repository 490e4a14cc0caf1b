"""Seconds that sacrebleu and rouge-score need for the pairs of a JSON file."""

import json
import sys
import time

from rouge_score import rouge_scorer
from sacrebleu.metrics import BLEU

pairs = json.load(open(sys.argv[1]))
start = time.perf_counter()
BLEU().corpus_score([candidate for _, candidate in pairs], [[reference for reference, _ in pairs]])
bleu = time.perf_counter() - start
scorer = rouge_scorer.RougeScorer(["rougeL"])
start = time.perf_counter()
for reference, candidate in pairs:
    scorer.score(reference, candidate)
print(json.dumps({"bleu": bleu, "rouge": time.perf_counter() - start}))
