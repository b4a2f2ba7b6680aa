import HalftoneKernels
import HalftoneMethods
import HalftoneModels
import HalftoneQuantization
import HalftoneRuns
import HalftoneTransforms

/// What is done to a model on its way to fewer bits: transforms that keep its function, then a
/// method that finds codes.
///
/// A text names the steps, joined by plus signs; without a method at the end weights are rounded to
/// nearest: `gptq`, `rotation+gptq`, `awq`.
public struct CompressionPipeline: Sendable, Hashable {
    /// A rewriting of the model.
    public enum Transform: String, Sendable, CaseIterable {
        /// Channels of activations are scaled by their size; reads text.
        case awq
        /// The residual stream and what heads read are rotated. A head that is the embedding gets a
        /// matrix of its own.
        case rotation
    }

    /// How codes are found.
    public enum Method: String, Sendable, CaseIterable {
        /// Rounding to nearest.
        case rtn
        /// Rounding to nearest with scales for which errors count what their inputs do.
        case weightedRTN = "weighted-rtn"
        /// Later columns make up for the errors of earlier ones.
        case gptq
    }

    /// The transforms, the first one first.
    public var transforms: [Transform]

    /// The method.
    public var method: Method

    /// In which order `gptq` rounds columns.
    public var columnOrder = ErrorCompensation.Order.activation

    /// What errors count when `gptq` searches scales.
    public var weighting = GPTQ.Weighting.compensated

    /// Names steps.
    public init(_ transforms: [Transform] = [], method: Method = .rtn) {
        self.transforms = transforms
        self.method = method
    }

    /// Reads the names of steps.
    ///
    /// - Throws: ``CompressionError/unknownStep(_:)``.
    public init(parsing text: String) throws(CompressionError) {
        var names = text.split(separator: "+", omittingEmptySubsequences: false).map(String.init)
        method = .rtn
        if let last = names.last.flatMap({ Method(rawValue: $0) }) {
            method = last
            names.removeLast()
        }
        transforms = []
        for name in names {
            guard let transform = Transform(rawValue: name), !transforms.contains(transform) else {
                throw .unknownStep(name)
            }
            transforms.append(transform)
        }
    }

    /// Whether these are the steps, whatever the settings of methods that are not among them.
    public func consists(of method: Method) -> Bool { transforms.isEmpty && self.method == method }

    /// Whether a text is needed to calibrate with.
    public var readsText: Bool { method != .rtn || transforms.contains(.awq) }

    /// What finds the codes.
    public var weightMethod: any WeightMethod {
        switch method {
        case .rtn: RoundToNearest()
        case .weightedRTN: RoundToNearest(weighsInputs: true)
        case .gptq: GPTQ(order: columnOrder, weighting: weighting)
        }
    }

    /// What the transforms leave of a model's description.
    public func spec(of spec: DecoderSpec) -> DecoderSpec {
        var spec = spec
        if transforms.contains(.rotation) { spec.isHeadTied = false }
        return spec
    }

    /// Applies the transforms.
    ///
    /// - Parameters:
    ///   - model: The float model.
    ///   - recipe: What its matrices will be stored as.
    ///   - calibration: The text, if the pipeline reads one.
    ///   - pool: The threads to use.
    ///   - progress: Makes a display of something that takes a while, of its units.
    /// - Throws: ``CompressionError``, `TransformError`.
    public func transformed(
        _ model: LanguageModel, recipe: CompressionRecipe, calibration: CalibrationText?,
        pool: WorkerPool,
        progress: (_ title: String, _ blocks: Int) -> RunProgress? = { _, _ in nil }
    ) throws -> LanguageModel {
        var model = model
        for transform in transforms {
            switch transform {
            case .rotation:
                model = model.rewritten(
                    as: try model.weights.transformed(by: [StreamRotation(), HeadRotation()]))
            case .awq:
                guard let calibration else { throw CompressionError.noCalibration }
                let display = progress("Looking for scales", model.spec.blocks.count)
                let scaling = try ChannelScaling(
                    ActivationAwareScaling(), for: model.weights, recipe: recipe,
                    calibration: calibration, pool: pool, progress: display)
                display?.finish()
                model = model.rewritten(as: try scaling.applied(to: model.weights))
            }
        }
        return model
    }
}

extension CompressionPipeline: CustomStringConvertible {
    /// The names of the steps, as they are read.
    public var description: String {
        let names = transforms.map(\.rawValue)
        guard method != .rtn || names.isEmpty else { return names.joined(separator: "+") }
        return (names + [method.rawValue]).joined(separator: "+")
    }

    /// The steps with all settings that change what comes out.
    public var settings: String {
        guard method == .gptq else { return description }
        return "\(self) order \(columnOrder.rawValue) weighting \(weighting.rawValue) "
            + "damping \(GPTQ().damping)"
    }
}
