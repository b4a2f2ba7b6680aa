import HalftoneFormats
import HalftoneKernels

/// Block types as options name them.
enum BlockTypes {
    /// Those that can be written, in the order of their ids.
    static var encodable: [BlockType] {
        BlockType.allCases.filter { BlockCodec.encodableTypes.contains($0) }
    }
}
