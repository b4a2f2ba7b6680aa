import HalftoneKernels
import HalftoneMethods
import HalftoneModels
import HalftoneQuantization
import HalftoneRuns
import HalftoneTransforms

/// What is done to a model on its way to fewer bits: transforms that keep its function, then a
/// method that finds codes or stores matrices in a form of its own.
///
/// A text names the steps, joined by plus signs; without a method at the end weights are rounded to
/// nearest: `gptq`, `rotation+gptq`, `awq`, `rotation+baq`.
public struct CompressionPipeline: Sendable, Hashable {
    /// A rewriting of the model.
    public enum Transform: String, Sendable, CaseIterable {
        /// Channels of activations are scaled by their size; reads text.
        case awq
        /// The residual stream and what heads read are rotated. A head that is the embedding gets a
        /// matrix of its own.
        case rotation
    }

    /// How matrices are stored.
    public enum Method: Sendable, Hashable {
        /// Rounding to nearest.
        case rtn
        /// Rounding to nearest with scales for which errors count what their inputs do.
        case weightedRTN
        /// Later columns make up for the errors of earlier ones.
        case gptq
        /// A published method that has a form of its own.
        case published(FormMethod)

        /// All of them: those that find codes, then those with forms of their own.
        public static let all: [Self] =
            [.rtn, .weightedRTN, .gptq] + FormMethod.all.map(Self.published)

        /// What a text calls it.
        public var name: String {
            switch self {
            case .rtn: "rtn"
            case .weightedRTN: "weighted-rtn"
            case .gptq: "gptq"
            case .published(let method): method.id
            }
        }
    }

    /// What does the last step.
    public enum Engine: Sendable {
        /// Finds codes of the integer format that a recipe names.
        case codes(any WeightMethod)
        /// Stores matrices in a form of its own.
        case forms(FormMethod)
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
        if let last = Method.all.first(where: { $0.name == names.last }) {
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
    public var readsText: Bool {
        let detail =
            switch engine {
            case .codes(let method): method.inputDetail
            case .forms(let published): published.inputDetail
            }
        return detail != .none || transforms.contains(.awq)
    }

    /// What does the last step.
    public var engine: Engine {
        switch method {
        case .rtn: .codes(RoundToNearest())
        case .weightedRTN: .codes(RoundToNearest(weighsInputs: true))
        case .gptq: .codes(GPTQ(order: columnOrder, weighting: weighting))
        case .published(let method): .forms(method)
        }
    }

    /// The method with a form of its own that is the last step, or nil.
    public var published: FormMethod? {
        if case .published(let method) = method { method } else { nil }
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
    ///   - recipe: What its matrices will be stored as; before a published method integers of its
    ///     width, which `awq` looks for scales with.
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
        return (names + [method.name]).joined(separator: "+")
    }

    /// The steps with all settings that change what comes out.
    public var settings: String {
        guard method == .gptq else { return description }
        return "\(self) order \(columnOrder.rawValue) weighting \(weighting.rawValue) "
            + "damping \(GPTQ().damping)"
    }
}
