import Foundation
import Tensors

// Prints the speed of each kernel beside two probes measured in turn with it: OpenBLAS's sgemm for arithmetic, a plain read of memory
// for bandwidth. The ratios are the result; absolute figures depend on what else the machine does.

let arguments = CommandLine.arguments
let isShort = arguments.contains("--short")
let rounds = isShort ? 3 : 9

/// Medians of the seconds that each of `bodies` takes, run in turns.
func medians(_ bodies: [() -> Void]) -> [Double] {
    var seconds = [[Double]](repeating: [], count: bodies.count)
    for round in 0...rounds {
        for (i, body) in bodies.enumerated() {
            let start = ContinuousClock.now
            body()
            let elapsed = ContinuousClock.now - start
            // The first round warms caches and threads.
            if round > 0 {
                seconds[i].append(Double(elapsed.components.attoseconds) * 1e-18 + Double(elapsed.components.seconds))
            }
        }
    }
    return seconds.map { $0.sorted()[rounds / 2] }
}

func noise(_ count: Int) -> [Float] {
    var state: UInt64 = 1
    return (0..<count).map { _ in
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Float(Int32(truncatingIfNeeded: state >> 33)) * 0x1p-31
    }
}

func line(_ name: String, _ value: Double, _ unit: String, _ ratio: Double, _ probe: String) {
    let columns = [
        name.padding(toLength: 44, withPad: " ", startingAt: 0), String(format: "%8.1f", value), unit,
        String(format: "%6.2f x", ratio),
        probe,
    ]
    print(columns.joined(separator: " "))
}

print("level \(Compute.level), CPU up to \(Compute.supportedLevel), \(Compute.threads) threads, medians of \(rounds)")

let (n, k) = isShort ? (1024, 1024) : (4096, 4096)
let tokens = isShort ? 128 : 512
let values = noise(n * k)
let float32 = WeightMatrix(values, rows: n, columns: k)
let x = Matrix(rows: tokens, columns: k, noise(tokens * k))
let operations = 2 * Double(tokens) * Double(n) * Double(k)

let hasOpenBLAS = Compute.openBLASError == nil
let openBLAS = {
    guard hasOpenBLAS else { return }
    Compute.useOpenBLAS(.always)
    _ = Linear(weight: float32)(x)
    Compute.useOpenBLAS(.never)
}
if let error = Compute.openBLASError { print("without the OpenBLAS probe: \(error)") }

print("\nprefill: \(tokens) tokens x \(n) x \(k), GOP/s, against OpenBLAS sgemm (\(Compute.openBLASCore))")
Compute.useOpenBLAS(.never)
for (format, activation) in [
    (WeightFormat.float32, ActivationFormat.float32), (.float32, .bfloat16), (.bfloat16, .bfloat16), (.q8, .int8),
    (.q4, .int8),
    (.q4, .float32),
] {
    let layer = Linear(weight: float32.converted(to: format), activation: activation)
    let seconds = medians([{ _ = layer(x) }, openBLAS])
    line("\(format) x \(activation)", operations / seconds[0] * 1e-9, "GOP/s", seconds[1] / seconds[0], "sgemm")
}

// Copies enough to leave the caches behind.
let resident = isShort ? 64 << 20 : 1 << 30
print("\ndecode: matrices of \(n) x \(k), GB/s, against reading memory")
for (format, activation) in [
    (WeightFormat.float32, ActivationFormat.float32), (.bfloat16, .float32), (.q8, .float32), (.q8, .int8),
    (.q4, .float32),
    (.q4, .int8),
] {
    let one = float32.converted(to: format)
    let bytes = one.withValueBytes { $0.count } + one.withScaleBytes { $0.count }
    let layers = try (0..<max(2, resident / bytes)).map { _ in
        let memory = WeightMemory(byteCount: bytes) { to in
            one.withValueBytes { to.copyMemory(from: $0) }
            one.withScaleBytes { from in
                UnsafeMutableRawBufferPointer(rebasing: to[(bytes - from.count)...]).copyMemory(from: from)
            }
        }
        let scales = one.withScaleBytes { $0.count }
        let weight = try WeightMatrix(
            memory: memory, offset: 0, format: format, rows: n, columns: k, scalesOffset: bytes - scales)
        return (memory, Linear(weight: weight, activation: activation))
    }
    for batch in [1, 4] {
        let input = x.rows(0..<batch)
        let total = Double(bytes * layers.count)
        let seconds = medians([
            { for (_, layer) in layers { _ = layer(input) } }, { for (memory, _) in layers { memory.readAll() } },
        ])
        line(
            "\(format) x \(activation), \(batch) tokens", total / seconds[0] * 1e-9, "GB/s", seconds[1] / seconds[0],
            "read")
    }
}

print("\nattention: GFLOP/s (scores and values), against OpenBLAS sgemm")
let gemm = medians([openBLAS])[0]
for (name, heads, dimension, queries, keys, mask) in [
    ("prefill, 32 heads of 128", 32, 128, isShort ? 128 : 512, isShort ? 128 : 512, AttentionMask.causal),
    ("ViT-L/14-336, 16 heads of 64", 16, 64, 577, 577, .full),
    ("decode, 32 heads of 128, context 2,048", 32, 128, 1, 2048, .causal),
] {
    let width = heads * dimension
    let cache = KeyValueCache(heads: heads, headDimension: dimension, capacity: keys)
    let rows = Matrix(rows: keys, columns: width, noise(keys * width))
    cache.append(keys: rows, values: rows)
    let q = rows.rows(0..<queries)
    let seconds = medians([{ _ = cache.attend(q, mask: mask) }])[0]
    let pairs = mask.isCausal ? Double(queries) * (Double(keys) - Double(queries - 1) / 2) : Double(queries * keys)
    line(
        name, 4 * pairs * Double(width) / seconds * 1e-9, "GFLOP/s",
        4 * pairs * Double(width) / seconds / (operations / gemm), "sgemm")
}
