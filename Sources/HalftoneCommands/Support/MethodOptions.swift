import ArgumentParser
import Foundation
import HalftoneCompression
import HalftoneMethods
import HalftoneModels
import HalftoneQuantization

/// How codes are found, and the text that methods calibrate with.
struct MethodOptions: ParsableArguments {
    @Option(
        name: .customLong("method"),
        help: """
            How codes are found: rtn (round to nearest), weighted-rtn (errors count what their \
            inputs do) or gptq (later columns make up for errors). All but rtn need --calibration \
            (default: rtn).
            """)
    var name = Name.rtn

    @Option(help: "A text for the model to read; not the one it will be measured on.")
    var calibration: String?

    @Option(help: "Windows of the text that are read (default: 32).")
    var calibrationWindows = 32

    @Option(help: "Tokens of a window (default: 512).")
    var calibrationLength = 512

    @Option(help: "The order in which gptq rounds columns: natural or activation.")
    var order = ErrorCompensation.Order.natural

    @Option(help: "What errors count when gptq searches scales: uniform or compensated.")
    var weighting = GPTQ.Weighting.compensated

    /// The methods that can be chosen.
    enum Name: String, ExpressibleByArgument, CaseIterable {
        case rtn
        case weightedRTN = "weighted-rtn"
        case gptq
    }

    mutating func validate() throws {
        guard (1...1 << 20).contains(calibrationWindows) else {
            throw ValidationError("--calibration-windows must be from 1 to 1048576")
        }
        guard (2...1 << 20).contains(calibrationLength) else {
            throw ValidationError("--calibration-length must be from 2 to 1048576")
        }
        if name != .rtn, calibration == nil {
            throw ValidationError("--method \(name.rawValue) needs a text: --calibration FILE")
        }
    }

    /// The method that the options name.
    var method: any WeightMethod {
        switch name {
        case .rtn: RoundToNearest()
        case .weightedRTN: RoundToNearest(weighsInputs: true)
        case .gptq: GPTQ(order: order, weighting: weighting)
        }
    }

    /// The text in tokens of a model, or nil when the method needs none.
    func calibration(for model: LanguageModel, named path: String) throws -> CalibrationText? {
        guard name != .rtn, let calibration else { return nil }
        return try CalibrationText(
            try EvaluationText.load(calibration),
            tokenizer: try ModelArgument.tokenizer(model, path), length: calibrationLength,
            count: calibrationWindows)
    }
}

extension ErrorCompensation.Order: ExpressibleByArgument {}

extension GPTQ.Weighting: ExpressibleByArgument {}
