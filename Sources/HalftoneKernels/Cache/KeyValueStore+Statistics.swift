extension KeyValueStore {
    /// What the float keys of a store are like, `[heads][headDim]` each: the mean magnitude of a
    /// channel over tokens, and its least and its largest number.
    package func keyStatistics() -> (magnitudes: [Double], least: [Double], most: [Double]) {
        precondition(packed == nil, "the keys are floats")
        var magnitudes = [Double](repeating: 0, count: heads * headDim)
        var least = [Double](repeating: .infinity, count: heads * headDim)
        var most = [Double](repeating: -.infinity, count: heads * headDim)
        for head in 0..<heads {
            for token in 0..<count {
                let start = place(head: head, token: token)
                for channel in 0..<headDim {
                    let value = Double(keys[start + channel])
                    let index = head * headDim + channel
                    magnitudes[index] += value.magnitude / Double(count)
                    least[index] = min(least[index], value)
                    most[index] = max(most[index], value)
                }
            }
        }
        return (magnitudes, least, most)
    }
}
