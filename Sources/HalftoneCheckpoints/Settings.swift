import HalftoneFiles

/// Typed access to an object of settings, with the key in every error.
struct Settings {
    let value: JSONValue

    init(_ value: JSONValue) { self.value = value }

    subscript(key: String) -> JSONValue? {
        let found = value[key]
        return found == .null ? nil : found
    }

    func integer(
        _ key: String, default fallback: Int? = nil, in range: ClosedRange<Int>
    ) throws(CheckpointError) -> Int {
        guard let found = self[key] else {
            if let fallback { return fallback }
            throw missing(key, "a whole number")
        }
        guard let number = found.integer, range.contains(number) else {
            throw .badSetting(
                key: key, found: found.serialized(),
                wanted: "a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    func bool(_ key: String, default fallback: Bool) throws(CheckpointError) -> Bool {
        guard let found = self[key] else { return fallback }
        guard let bool = found.bool else {
            throw .badSetting(key: key, found: found.serialized(), wanted: "true or false")
        }
        return bool
    }

    func string(_ key: String, default fallback: String? = nil) throws(CheckpointError) -> String {
        guard let found = self[key] else {
            if let fallback { return fallback }
            throw missing(key, "a text")
        }
        guard let string = found.string else {
            throw .badSetting(key: key, found: found.serialized(), wanted: "a text")
        }
        return string
    }

    /// Group sizes; −1 stands for one group per row, which is nil here.
    func groupSize(_ key: String) throws(CheckpointError) -> Int? {
        guard self[key] != nil else { return nil }
        let size = try integer(key, in: -1...(1 << 20))
        guard size != 0 else {
            throw .badSetting(key: key, found: "0", wanted: "a group size, or -1 for whole rows")
        }
        return size < 0 ? nil : size
    }

    private func missing(_ key: String, _ wanted: String) -> CheckpointError {
        .badSetting(key: key, found: "nothing", wanted: wanted)
    }
}
