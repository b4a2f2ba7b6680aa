import HalftoneFormats
import HalftoneKernels
import HalftoneQuantization
import HalftoneTensor

/// A weight matrix times one vector (decoding) and times 32 (prefill), in each stored form beside
/// the same matrix in float32; one thread.
///
/// A packed kernel joins by a line in `storedForms`.
func productBenchmarks(rows: Int = 2048, columns: Int = 2048) throws -> [BenchmarkGroup] {
    let pool = WorkerPool(threads: 1)
    let weights = Tensor.normal([rows, columns], standardDeviation: 0.02, seed: 1).elements.array
    let forms = try storedForms(weights, columns: columns, pool: pool)
    return [(name: "product-1", count: 1), (name: "product-32", count: 32)].map { job in
        let input = Tensor.normal([job.count, columns], seed: 2).elements.array
        return BenchmarkGroup(
            name: job.name,
            members: forms.map { form in
                product(
                    "\(job.name)/\(form.name)", form.matrix, input, count: job.count, pool: pool)
            })
    }
}

/// A weight matrix as wide as those of large models times 1 to 512 vectors in bytes, as the run
/// time computes prompts, on all threads: what `products_against_onnxruntime.py` reads.
func wideProductBenchmarks(rows: Int = 4096, columns: Int = 4096) throws -> [BenchmarkGroup] {
    let pool = WorkerPool()
    let weights = Tensor.normal([rows, columns], standardDeviation: 0.02, seed: 1).elements.array
    let float = try blocks(.f32, weights, columns: columns)
    let forms = try [8, 4].map { bits in
        (name: "int\(bits)-g32", matrix: try uniform(bits, float, pool: pool))
    }
    return [1, 16, 128, 512].map { count in
        let input = Tensor.normal([count, columns], seed: 2).elements.array
        return BenchmarkGroup(
            name: "wide-\(count)",
            members: forms.map { form in
                product(
                    "wide-\(count)/\(form.name)", form.matrix, input, count: count, pool: pool,
                    activations: .int8)
            })
    }
}

/// The matrix in every form that is timed, float32 first.
private func storedForms(
    _ weights: [Float], columns: Int, pool: WorkerPool
) throws -> [(name: String, matrix: any WeightMatrix)] {
    let float = try blocks(.f32, weights, columns: columns)
    return [
        ("f32", float),
        ("f16", try blocks(.f16, weights, columns: columns)),
        ("bf16", try blocks(.bf16, weights, columns: columns)),
        ("q8_0", try blocks(.q8_0, weights, columns: columns)),
        ("q4_0", try blocks(.q4_0, weights, columns: columns)),
        ("int8-g32", try uniform(8, float, pool: pool)),
        ("int4-g32", try uniform(4, float, pool: pool)),
        ("uint4-g32", try uniform(4, symmetric: false, float, pool: pool)),
        ("int3-g32", try uniform(3, float, pool: pool)),
        ("int2-g32", try uniform(2, float, pool: pool)),
        ("int1-g32", try uniform(1, float, pool: pool)),
    ]
}

/// A matrix in blocks.
private func blocks(
    _ type: BlockType, _ weights: [Float], columns: Int
) throws -> any WeightMatrix {
    try BlockMatrix(
        type: type, rows: weights.count / columns, columns: columns,
        bytes: Bytes(BlockCodec.encode(type, weights, columns: columns)))
}

/// A matrix in packed codes, groups of 32.
private func uniform(
    _ bits: Int, symmetric: Bool = true, _ float: any WeightMatrix, pool: WorkerPool
) throws -> any WeightMatrix {
    try RoundToNearest().quantize(
        float,
        scheme: WeightScheme(
            format: IntegerFormat(bits: bits, symmetric: symmetric), granularity: .group(32),
            scaleFormat: .float16, search: .absmax),
        pool: pool
    ).matrix
}

/// A product as the run time computes it, checked against sums in Double of the decoded weights.
private func product(
    _ name: String, _ matrix: any WeightMatrix, _ input: [Float], count: Int, pool: WorkerPool,
    activations: Activations = .float32
) -> Benchmark {
    let multiply = MatrixProduct(matrix, activations: activations, pool: pool)
    // Half a step of a byte, for each of 32 values the largest of which has 127.
    let step = activations == .int8 ? 0.5 / 127.0 : 0
    let output = Output(count: count * matrix.rows)
    return Benchmark(
        name: name, storedBytes: matrix.byteCount,
        run: {
            multiply(input, count: count, into: &output.values)
            return output.values[0]
        },
        check: {
            multiply(input, count: count, into: &output.values)
            var row = [Float](repeating: 0, count: matrix.columns)
            let runs = (0..<count).map { vector in
                stride(from: 0, to: row.count, by: 32).map { first in
                    (first..<min(first + 32, row.count)).reduce(0.0) {
                        max($0, Double(input[vector * row.count + $1].magnitude))
                    }
                }
            }
            for index in stride(from: 0, to: matrix.rows, by: 97) {
                matrix.decode(row: index, into: &row)
                for vector in 0..<count {
                    var (sum, size, rounding) = (0.0, 0.0, 0.0)
                    for column in 0..<matrix.columns {
                        let term = Double(row[column]) * Double(input[vector * row.count + column])
                        sum += term
                        size += term.magnitude
                        rounding +=
                            Double(row[column].magnitude) * runs[vector][column / 32] * step
                    }
                    // Any order of n float32 additions errs by at most n · 2⁻²⁴ · Σ|terms|; two
                    // more roundings per term come from the scale and the product. Forms that
                    // subtract a zero point after summing add terms of the code range's size,
                    // below 16 times those of the values.
                    let bound = Double(matrix.columns + 2) * 0x1p-24 * size * 16 + rounding
                    let found = Double(output.values[vector * matrix.rows + index])
                    guard (found - sum).magnitude <= bound else {
                        return "row \(index): \(found), not \(sum) within \(bound)"
                    }
                }
            }
            return nil
        })
}

/// Room for results that outlives a run, so that a run allocates only what the product does.
private final class Output {
    var values: [Float]

    init(count: Int) { values = [Float](repeating: 0, count: count) }
}
