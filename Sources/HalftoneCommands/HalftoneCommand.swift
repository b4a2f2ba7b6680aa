import ArgumentParser
import Foundation
import HalftoneFiles
import HalftoneModels
import HalftoneRuns
import HalftoneServer
import HalftoneTraining

/// The program `halftone`.
public struct HalftoneCommand: AsyncParsableCommand {
    /// The version of Halftone.
    public static let version = "0.1.0"

    /// Name, version and commands.
    public static let configuration = CommandConfiguration(
        commandName: "halftone",
        abstract: "Makes neural networks small and fast, and proves what was lost.",
        discussion: """
            Results go to standard output, everything else to standard error. Exit codes: 0 done, \
            1 a claim was not reproduced, 64 wrong usage, 65 a damaged or unsuitable file, 66 no \
            such model, 69 something is not available (network, pip), 70 failure, 73 the output \
            cannot be written, 130 interrupted.
            """,
        version: version,
        subcommands: [
            DemoCommand.self, GetCommand.self, InspectCommand.self, CompressCommand.self,
            FrontierCommand.self, EvalCommand.self, CompareCommand.self, ImportanceCommand.self,
            RunCommand.self, ChatCommand.self, ServeCommand.self, BenchCommand.self,
            ConvertCommand.self, TrainCommand.self, MethodsCommand.self, ReproduceCommand.self,
            FormatsCommand.self,
        ])

    /// Creates the command; parsing fills it.
    public init() {}

    /// Runs the program with the arguments of the process and exits with the code of the outcome.
    public static func runProcess() async -> Never {
        Interruption.install()
        do {
            var command = try parseAsRoot()
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
            Foundation.exit(0)
        } catch let error where isOwn(error) {
            Interruption.removeTemporaries()
            Console.note("halftone: \(error)")
            Foundation.exit(code(of: error))
        } catch {
            exit(withError: error)
        }
    }

    /// Whether an error comes from a run rather than from parsing the arguments.
    private static func isOwn(_ error: any Error) -> Bool {
        !(error is CleanExit || error is ValidationError || error is ExitCode)
            && !String(describing: type(of: error)).hasPrefix("CommandError<")
            && String(reflecting: type(of: error)).hasPrefix("Halftone")
    }

    /// The exit code of the kind of error.
    static func code(of error: any Error) -> Int32 {
        switch error {
        case let error as CommandError: error.code.rawValue
        case is WriteError: CommandError.Code.cannotWrite.rawValue
        case is HubError, is PipError, is ListenError: CommandError.Code.unavailable.rawValue
        case TrainingError.notFinite: CommandError.Code.failed.rawValue
        default: CommandError.Code.badInput.rawValue
        }
    }
}
