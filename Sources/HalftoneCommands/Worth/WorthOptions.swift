import ArgumentParser
import HalftoneCompression
import HalftoneFormats

/// What `inspect --worth` measures, and where it goes.
struct WorthOptions: ParsableArguments {
    @Flag(help: "Measure what bits are worth: what the model loses when parts of it get few.")
    var worth = false

    @Option(
        help: ArgumentHelp(
            """
            With --worth: the measure, curvature (default, or error where gradients cannot be \
            taken), error, kl, loss, fisher, hessian, lim, zd, entropy or column-loss. kl and loss \
            run the model once for each part and width.
            """, valueName: "name"))
    var sensitivity: SensitivityMeasure?

    @Option(help: "With --worth: a text to read (default: the model writes it).")
    var calibration: String?

    @Option(
        help: """
            With --worth: what is changed by itself, tensor, layer, channels (of outputs), columns \
            (of inputs) or planes (bits of codes).
            """)
    var by = SensitivityMap.Partition.tensor

    @Option(
        help: ArgumentHelp(
            """
            With --worth: bits of codes, 2,3,4 (default: 2,3,4,6; 3 for kl, loss and parts of \
            matrices; 8 for planes; with --save all that compress tries).
            """, valueName: "list"))
    var widths: String?

    @Option(help: "With --worth: into how many parts channels and columns of a matrix are cut.")
    var parts = 16

    @Option(
        help: ArgumentHelp(
            "With --worth: only matrices whose name contains TEXT, such as blocks.3. or down.",
            valueName: "text"))
    var only: String?

    @Option(help: "With --worth: how much text is read, and what --save measures.")
    var effort = BudgetSettings.Effort.fast

    @Option(help: "With --worth: ways to store a matrix in a folder or in a gguf file.")
    var target = BudgetTarget.folder

    @Option(
        help: ArgumentHelp(
            "With --worth: a picture, FILE.svg, FILE.png, or a page of all, FILE.html.",
            valueName: "file"))
    var chart: String?

    @Option(
        help: ArgumentHelp(
            "With --worth: keep what was measured for compress --worth FILE.", valueName: "file"))
    var save: String?

    @Option(
        help: ArgumentHelp("With --worth: show what FILE has, measure nothing.", valueName: "file"))
    var load: String?

    mutating func validate() throws {
        let others = [sensitivity?.rawValue, calibration, widths, only, chart, save, load]
        guard worth || others.allSatisfy({ $0 == nil }) else {
            throw ValidationError("these options are for --worth")
        }
        guard (1...1024).contains(parts) else {
            throw ValidationError("--parts must be from 1 to 1024")
        }
        guard load == nil || (save == nil && sensitivity == nil && calibration == nil) else {
            throw ValidationError("--load measures nothing; it goes with --chart and --json")
        }
        guard only == nil || save == nil || by != .tensor else {
            throw ValidationError("--save needs all matrices; leave --only out")
        }
        if let chart, ![".svg", ".png", ".html"].contains(where: chart.hasSuffix) {
            throw ValidationError("--chart ends in .svg, .png or .html")
        }
        _ = try settings
    }

    /// What is tried.
    var settings: BudgetSettings {
        get throws {
            var settings = BudgetSettings(effort: effort)
            settings.sensitivity = sensitivity
            settings.target = target
            let few = try asked ?? (save != nil && by == .tensor ? nil : usual)
            guard let few else { return settings }
            settings.widths = few
            settings.tableWidths = few
            settings.groups = Array(settings.groups.prefix(1))
            settings.blockTypes.removeAll { !few.contains(Int($0.bitsPerWeight)) }
            settings.smallBlockTypes.removeAll { !few.contains(Int($0.bitsPerWeight)) }
            return settings
        }
    }

    private var usual: [Int] {
        if by == .planes { return [8] }
        let isLong = by.isWithinMatrices || sensitivity?.isMeasured == true
        return isLong ? [3] : [2, 3, 4, 6]
    }

    private var asked: [Int]? {
        get throws {
            guard let widths else { return nil }
            let found = widths.split(separator: ",").map { Int($0) ?? 0 }
            guard !found.isEmpty, found.allSatisfy((1...8).contains) else {
                throw ValidationError("--widths \"\(widths)\" is no list of 1 to 8, such as 2,3,4")
            }
            return Set(found).sorted()
        }
    }
}
