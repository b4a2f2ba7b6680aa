import ArgumentParser
import HalftoneCommands
import Testing

/// What commands call their options.
struct OptionNamesTests {
    /// Groups of options meet in a command; of two with one name only the first would be read.
    @Test func noCommandHasTwoOptionsOfAName() {
        var commands: [any ParsableCommand.Type] = [HalftoneCommand.self]
        var seen = 0
        while let command = commands.popLast() {
            commands += command.configuration.subcommands
            let help = command.helpMessage(columns: 200)
            let names = help.split(separator: "\n").filter { $0.hasPrefix("  -") }.flatMap { line in
                line.split(whereSeparator: { " ,<".contains($0) }).prefix(2)
                    .filter { $0.hasPrefix("-") }
            }
            seen += names.count
            let repeated = Dictionary(grouping: names) { $0 }.filter { $1.count > 1 }.keys
            #expect(repeated.isEmpty, "\(command): \(repeated.sorted())")
        }
        #expect(seen > 100, "the help names options")
    }
}
