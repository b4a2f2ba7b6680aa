#!/usr/bin/env python3
"""Trains the same networks with Halftone and with PyTorch, in turns, and compares them.

Each round runs every contender once, a process each, in an order that turns from round to round;
a contender's figure is the median over rounds of its median step, its memory the largest peak. A
step is all of it: forward, backward, clipping (language), optimizer. PyTorch takes part in its
fastest forms: fused optimizers, memory kept between steps, channels last for images, and once as it
is (eager) and once compiled; the ratio is to the faster of the two.

    swift build -c release --package-path Benchmarks --product TrainingBenchmark
    Benchmarks/training_against_torch.py --python PYTHON_WITH_TORCH [language|images …]
        [--rounds 5] [--steps 12] [--threads N] [--results FILE.jsonl] [--summary]

With --results, every run is appended to a file and the table is made of all of it, so that rounds
can be run at several times; --summary makes the table without a run. Halftone's figures come from
TrainingBenchmark, PyTorch's from Tests/Reference/throughput_torch.py, which say what each network
is. Exit status 1 when a ratio is below 1.

Made with: torch==2.13.0 numpy==2.4.6
"""

import argparse
import json
import os
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
REFERENCE = os.path.join(HERE, "..", "Tests", "Reference", "throughput_torch.py")
OURS = os.path.join(HERE, ".build", "release", "TrainingBenchmark")
CONTENDERS = ["halftone", "torch", "torch, compiled"]


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("workloads", nargs="*", default=["language", "images"])
    parser.add_argument("--python", default=sys.executable, help="one that has torch")
    parser.add_argument("--program", default=OURS, help="TrainingBenchmark")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--warmup", type=int, default=3)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--results")
    parser.add_argument("--summary", action="store_true")
    return parser.parse_args()


def run(contender, workload, options):
    """One process; its JSON object."""
    command = [options.program, workload]
    if contender != "halftone":
        command = [options.python, REFERENCE, workload]
    if contender.endswith("compiled"):
        command.append("--compile")
    command += ["--steps", str(options.steps), "--warmup", str(options.warmup),
                "--threads", str(options.threads)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout) | dict(contender=contender)


def summarize(results):
    """Prints a table for each workload; whether Halftone is as fast as PyTorch in all."""
    as_fast = True
    for workload in dict.fromkeys(result["workload"] for result in results):
        rows = {}
        for contender in CONTENDERS:
            runs = [result for result in results
                    if (result["workload"], result["contender"]) == (workload, contender)]
            if not runs:
                continue
            steps = [result["secondsPerStep"] for result in runs]
            rows[contender] = dict(
                runs=len(runs), seconds=statistics.median(steps), fastest=min(steps),
                rate=statistics.median(result["unitsPerSecond"] for result in runs),
                peak=max(result["peakBytes"] for result in runs), threads=runs[0]["threads"],
                parameters=runs[0]["parameters"])
        first = next(iter(rows.values()))
        unit = "tokens" if workload == "language" else "images"
        print(f"{workload}: {first['parameters']} parameters, {first['threads']} threads, "
              f"{first['runs']} rounds")
        print(f"| | s/step | least | {unit}/s | peak memory, MB |")
        print("| --- | ---: | ---: | ---: | ---: |")
        for contender, row in rows.items():
            print(f"| {contender} | {row['seconds']:.3f} | {row['fastest']:.3f} | "
                  f"{row['rate']:.0f} | {row['peak'] / 1e6:.0f} |")
        others = [row["seconds"] for name, row in rows.items() if name != "halftone"]
        if "halftone" in rows and others:
            ratio = min(others) / rows["halftone"]["seconds"]
            as_fast = as_fast and ratio >= 1
            print(f"speed against the faster PyTorch: {ratio:.2f}")
        print()
    return as_fast


def main():
    options = arguments()
    results = []
    if options.results and os.path.exists(options.results):
        with open(options.results) as file:
            results = [json.loads(line) for line in file]
    for workload in [] if options.summary else options.workloads:
        for number in range(options.rounds):
            turn = number % len(CONTENDERS)
            for contender in CONTENDERS[turn:] + CONTENDERS[:turn]:
                result = run(contender, workload, options)
                results.append(result)
                print(f"{workload}, round {number + 1}, {contender}: "
                      f"{result['secondsPerStep']:.3f} s/step", file=sys.stderr)
                if options.results:
                    with open(options.results, "a") as file:
                        file.write(json.dumps(result) + "\n")
    sys.exit(0 if summarize(results) else 1)


if __name__ == "__main__":
    main()
