/// Numbers that a long step measures, by name: those that were measured before a job was killed are
/// not measured again.
///
/// Not for several threads at once.
public final class MeasuredNumbers {
    private var known: [String: Double]
    private let keep: ([String: Double]) -> Void

    /// Begins with what is known.
    ///
    /// - Parameters:
    ///   - known: What was measured before; by default nothing.
    ///   - keep: Called with all numbers when there is a new one.
    public init(
        _ known: [String: Double] = [:], keep: @escaping ([String: Double]) -> Void = { _ in }
    ) {
        (self.known, self.keep) = (known, keep)
    }

    /// A number, measured unless it is known.
    ///
    /// - Parameters:
    ///   - name: The same only for the same number.
    ///   - measure: Gives the same for the same name.
    /// - Throws: What `measure` throws.
    public func number<Failure: Error>(
        _ name: String, _ measure: () throws(Failure) -> Double
    ) throws(Failure) -> Double {
        if let number = known[name] { return number }
        let number = try measure()
        known[name] = number
        keep(known)
        return number
    }
}
