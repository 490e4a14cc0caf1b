#!/usr/bin/env python3
"""Runs the gateway and its peers in turns and prints the table of ratios."""

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path


def run(*command):
    """Standard output of a command that must succeed."""
    return subprocess.run(list(map(str, command)), check=True, stdout=subprocess.PIPE, text=True).stdout


def gateway(arguments, kind, with_image):
    """One measurement of the gateway."""
    options = [] if with_image else ["--no-image"]
    text = run(
        arguments.gateway, "model", "benchmark", arguments.models / f"gateway-{kind}", "--prompt-tokens",
        *arguments.prompts, "--tokens", arguments.tokens, "--batch", 4, "--repetitions", 1, "--threads",
        arguments.threads, "--format", "json", *options,
    )  # fmt: skip
    return json.loads(text)


def llama(arguments, kind):
    """One measurement of llama.cpp: (prompt, generated) to tokens a second."""
    text = run(
        arguments.llama, "-m", arguments.models / f"llama-{kind}.gguf", "-p", ",".join(map(str, arguments.prompts)),
        "-n", arguments.tokens, "-t", arguments.threads, "-r", 1, "-o", "json",
    )  # fmt: skip
    return {(row["n_prompt"], row["n_gen"]): row["avg_ts"] for row in json.loads(text)}


def main():
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gateway", type=Path, required=True)
    parser.add_argument("--llama", type=Path, required=True)
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--size", required=True)
    parser.add_argument("--prompts", type=int, nargs="+", default=[512, 1400])
    parser.add_argument("--tokens", type=int, default=32)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--turns", type=int, default=3)
    arguments = parser.parse_args()

    ours, theirs, vit, probes = {}, {}, [], []
    for turn in range(arguments.turns):
        print(f"turn {turn + 1} of {arguments.turns}", file=sys.stderr)
        for kind in ("q4", "q8"):
            for key, speed in llama(arguments, kind).items():
                theirs.setdefault((kind, *key), []).append(speed)
            result = gateway(arguments, kind, with_image=kind == "q4")
            for row in result["rows"]:
                probes.append(row["probeGigabytesPerSecond"])
                ours.setdefault((kind, row["promptTokens"], 0), []).append(row["prefillTokensPerSecond"])
                ours.setdefault((kind, 0, arguments.tokens), []).append(row["decodeTokensPerSecond"])
                ours.setdefault((kind, "batch"), []).append(row["batchTokensPerSecond"])
            if result.get("encodeMilliseconds"):
                peer = json.loads(
                    run(
                        sys.executable, Path(__file__).parent / "vit_peer.py", "--size", arguments.size, "--threads",
                        arguments.threads,
                    )  # fmt: skip
                )
                vit.append((result["encodeMilliseconds"], peer["int8"], peer["fp32"]))

    def line(name, mine, peer, unit):
        ratio = f"{mine / peer:.2f}" if peer else ""
        print(f"{name:34s} {mine:10.2f} {peer or float('nan'):10.2f} {unit:10s} {ratio:>6s}")

    print(f"{'':34s} {'gateway':>10s} {'peer':>10s} {'':10s} {'ratio':>6s}")
    for kind in ("q4", "q8"):
        for prompt in arguments.prompts:
            key = (kind, prompt, 0)
            line(f"{kind} read {prompt}", statistics.median(ours[key]), statistics.median(theirs[key]), "tokens/s")
        key = (kind, 0, arguments.tokens)
        single = statistics.median(ours[key])
        line(f"{kind} generate", single, statistics.median(theirs[key]), "tokens/s")
        line(f"{kind} generate, 4 against 1", statistics.median(ours[(kind, "batch")]), single, "tokens/s")
    if vit:
        mine, int8, fp32 = (statistics.median(column) for column in zip(*vit))
        line("images a minute (ONNX int8)", 60_000 / mine, 60_000 / int8, "1/min")
        line("images a minute (ONNX fp32)", 60_000 / mine, 60_000 / fp32, "1/min")
    print(f"memory probe {min(probes):.1f} to {max(probes):.1f} GB/s over {len(probes)} measurements")


if __name__ == "__main__":
    main()
