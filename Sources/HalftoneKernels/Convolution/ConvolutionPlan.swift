import Synchronization
import _HalftoneConvolution

/// The products that a convolution and its gradients take.
enum ConvolutionSite: Int32 {
    case forward
    case inputGradient
    case weightGradient
}

/// How images lie for the caller and for the library.
enum ConvolutionLayout: Int32 {
    /// Rows of one channel together; the library changes that for itself.
    case own
    /// Rows of one channel together, for the library too.
    case plain
    /// The channels of one place together.
    case channelsLast
}

/// The operands of a convolution.
enum ConvolutionOperand: Int32 {
    case input
    case weight
    case output
}

/// What the library prepared for one product of one shape; does not change, and threads share it.
@safe
final class ConvolutionPlan: @unchecked Sendable {
    private let handle: OpaquePointer
    /// Floats of each operand in the layout that the plan computes in; 0 when it is the plain one.
    private let packedCounts: [Int]
    /// Floats of scratch memory for each call.
    let scratchCount: Int

    private init?(_ key: Key) {
        let shape = key.shape
        var lengths = halftone_convolution_shape()
        lengths.batch = Int32(shape.batch)
        lengths.groups = Int32(shape.groups)
        lengths.in_channels = Int32(shape.inChannels)
        lengths.out_channels = Int32(shape.outChannels)
        let (v, h) = (shape.vertical, shape.horizontal)
        lengths.in = (Int32(shape.height), Int32(shape.width))
        lengths.out = (Int32(shape.outHeight), Int32(shape.outWidth))
        lengths.kernel = (Int32(v.taps), Int32(h.taps))
        lengths.stride = (Int32(v.stride), Int32(h.stride))
        lengths.dilation = (Int32(v.dilation), Int32(h.dilation))
        lengths.before = (Int32(v.before), Int32(h.before))
        lengths.after = (Int32(v.after), Int32(h.after))
        guard
            let handle = unsafe halftone_convolution_create(
                &lengths, key.site.rawValue, key.hasBias ? 1 : 0, key.layout.rawValue)
        else { return nil }
        unsafe self.handle = handle
        packedCounts = (Int32(0)..<3).map {
            (unsafe halftone_convolution_packed_bytes(handle, $0) + 3) / 4
        }
        scratchCount = (unsafe halftone_convolution_scratch_bytes(handle) + 3) / 4
    }

    deinit { unsafe halftone_convolution_destroy(handle) }

    /// Floats of an operand in the plan's own layout; 0 when that is the plain one.
    func packedCount(_ operand: ConvolutionOperand) -> Int { packedCounts[Int(operand.rawValue)] }

    /// Whether the library has nothing better than its plain loops.
    var isPlainLoop: Bool { unsafe halftone_convolution_is_plain_loop(handle) != 0 }

    /// Whether another plan computes with an operand in the same layout.
    func sharesLayout(_ other: ConvolutionPlan, of operand: ConvolutionOperand) -> Bool {
        unsafe halftone_convolution_same_layout(handle, other.handle, operand.rawValue) != 0
    }

    @unsafe
    func pack(
        _ operand: ConvolutionOperand, _ plain: UnsafePointer<Float>,
        into packed: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>
    ) {
        let failure = unsafe halftone_convolution_pack(
            handle, operand.rawValue, plain, packed, scratch)
        precondition(failure == 0, "oneDNN could not change a layout")
    }

    @unsafe
    func unpack(
        _ operand: ConvolutionOperand, _ packed: UnsafePointer<Float>,
        into plain: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>
    ) {
        let failure = unsafe halftone_convolution_unpack(
            handle, operand.rawValue, packed, plain, scratch)
        precondition(failure == 0, "oneDNN could not change a layout")
    }

    @unsafe
    func run(
        input: UnsafeMutablePointer<Float>, weight: UnsafeMutablePointer<Float>,
        bias: UnsafeMutablePointer<Float>?, output: UnsafeMutablePointer<Float>,
        scratch: UnsafeMutablePointer<Float>
    ) {
        let failure = unsafe halftone_convolution_run(handle, input, weight, bias, output, scratch)
        precondition(failure == 0, "oneDNN could not run a convolution")
    }
}

extension ConvolutionPlan {
    private struct Key: Hashable {
        var shape: ConvolutionShape
        var site: ConvolutionSite
        var hasBias: Bool
        var layout: ConvolutionLayout
    }

    /// Plans made so far.
    ///
    /// Each is a pure function of its key, so that sharing them shows in
    /// nothing but time.
    private static let made = Mutex<[Key: ConvolutionPlan]>([:])

    /// More plans than a training run uses; past it all are forgotten and made again.
    private static let limit = 512

    /// The plan for a product: prepared on the first call, remembered for the next.
    ///
    /// A shape that the library refuses, for lack of memory or because a length does not fit
    /// 32 bits, is a mistake of the caller.
    static func plan(
        for shape: ConvolutionShape, _ site: ConvolutionSite, hasBias: Bool,
        channelsLast: Bool
    ) -> ConvolutionPlan {
        let isPlain = shape.isPointwise && site != .weightGradient
        let layout: ConvolutionLayout = channelsLast ? .channelsLast : isPlain ? .plain : .own
        let key = Key(shape: shape, site: site, hasBias: hasBias, layout: layout)
        return made.withLock { plans in
            if let plan = plans[key] { return plan }
            guard let plan = ConvolutionPlan(key) else {
                preconditionFailure("oneDNN has no convolution for \(shape)")
            }
            if plans.count >= limit { plans.removeAll() }
            plans[key] = plan
            return plan
        }
    }
}
