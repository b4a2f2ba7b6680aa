/// Parameters that an optimizer treats alike.
public struct ParameterGroup {
    /// Paths and parameters.
    public var parameters: [(path: String, parameter: Parameter)]
    /// How they change.
    public var rule: any UpdateRule
    /// How their rate changes.
    public var schedule: Schedule

    /// Creates a group.
    public init(
        _ parameters: [(path: String, parameter: Parameter)], _ rule: any UpdateRule,
        schedule: Schedule = .constant
    ) {
        self.parameters = parameters
        self.rule = rule
        self.schedule = schedule
    }

    /// The parameters of a module that a condition holds for.
    public init(
        _ module: any Module, _ rule: any UpdateRule, schedule: Schedule = .constant,
        where condition: (_ path: String, _ parameter: Parameter) -> Bool = { _, _ in true }
    ) {
        self.init(
            module.namedParameters.filter { condition($0.path, $0.parameter) }, rule,
            schedule: schedule)
    }
}
