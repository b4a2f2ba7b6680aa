/// What `compress` shows.
struct CompressReport: Encodable {
    let model: String
    let output: String
    let body: String
    let embedding: String
    let bitsPerWeight: Double
    let packedBytes: Int
    let fileBytes: Int
    let seconds: Double
    let peakMemoryBytes: Int?

    var text: String {
        let memory = peakMemoryBytes.map { ", peak memory \(Formatting.bytes($0))" } ?? ""
        return """
            layers             \(body)
            embedding          \(embedding)
            bits per weight    \(Formatting.decimal(bitsPerWeight, 3)), everything counted
            weight file        \(Formatting.grouped(fileBytes)) bytes, as predicted
            written to         \(output)
            took               \(Formatting.duration(seconds))\(memory)
            """
    }
}
