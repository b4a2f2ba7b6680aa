import HalftoneCheckpoints
import HalftoneFiles
import HalftoneFormats
import HalftoneKernels
import HalftoneTesting
import Testing

/// Checkpoints that are damaged or of kinds that are not read.
struct HostileCheckpointTests {
    private func open(
        _ name: String, changing changes: [String: JSONValue] = [:],
        tensors change: (inout [StoredTensor]) -> Void = { _ in }
    ) throws -> (any WeightMatrix)? {
        let fixtures = try CheckpointFixtures.shared.get()
        var settings = fixtures.settings[name]?.object ?? JSONObject()
        for (key, value) in changes { settings[key] = value }
        var tensors = fixtures.tensors(name)
        change(&tensors)
        let layout = try PackedCheckpoints.open(
            .init(configuration: [CheckpointFixtures.key(name): .object(settings)]))
        return try layout?.matrix(of: name, in: MemoryArchive(tensors: tensors))
    }

    /// What opening a checkpoint throws.
    private func refusal(
        _ name: String, changing changes: [String: JSONValue] = [:],
        tensors change: (inout [StoredTensor]) -> Void = { _ in }
    ) throws -> String {
        do {
            _ = try open(name, changing: changes, tensors: change)
        } catch let error as CheckpointError {
            return error.description
        }
        Issue.record("\(name) was read")
        return ""
    }

    private func replace(
        _ suffix: String, in tensors: inout [StoredTensor], with integers: [Int32]
    ) {
        for (index, tensor) in tensors.enumerated() where tensor.name.hasSuffix(suffix) {
            let bytes = integers.flatMap { value in
                (0..<4).map { UInt8(truncatingIfNeeded: value >> Int32(8 * $0)) }
            }
            tensors[index] = StoredTensor(
                name: tensor.name, shape: tensor.shape, encoding: tensor.encoding,
                bytes: Bytes(bytes))
        }
    }

    @Test func methodsThatAreNotReadAreNamed() throws {
        let text = try refusal("awq-g16", changing: ["quant_method": "aqlm"])
        #expect(text.contains("aqlm") && text.contains("gptq, awq"))
    }

    @Test func settingsThatAreNotReadAreNamed() throws {
        #expect(try refusal("awq-g16", changing: ["version": "gemv"]).contains("gemv"))
        #expect(try refusal("awq-g16", changing: ["bits": 8]).contains("AWQ has 4"))
        #expect(
            try refusal("gptq-4-g16-sym", changing: ["checkpoint_format": "marlin"])
                .contains("gptq, gptq_v2 and gptq_p are"))
        #expect(
            try refusal("gptq-4-g16-sym", changing: ["pack_dtype": "int64"]).contains("int32 is"))
        #expect(
            try refusal("pack-4-sym", changing: ["format": "marlin-24"]).contains("marlin-24"))
        #expect(
            try refusal(
                "pack-4-sym", changing: ["sparsity_config": ["format": "sparse-24-bitmask"]]
            ).contains("sparse-24-bitmask"))
        #expect(try refusal("mlx-4", changing: ["mode": "affine2"]).contains("affine2"))
        #expect(try refusal("mlx-4", changing: ["bits": 7]).contains("2, 3, 4, 5, 6, 8"))
    }

    @Test func wrongBitsAreSeen() throws {
        #expect(
            try refusal("gptq-4-g16-sym", changing: ["bits": 8])
                .contains("32 inputs take 4 bits each, and the settings say 8"))
        #expect(try refusal("mlx-4", changing: ["bits": 3]).contains("3 bits"))
    }

    @Test func missingTensorsAreNamed() throws {
        for (name, suffixes) in [
            "gptq-4-g16-asym": ["scales", "qzeros"], "awq-g16": ["scales", "qzeros"],
            "pack-4-asym": ["weight_scale", "weight_shape", "weight_zero_point"],
            "nvfp4": ["weight_scale", "weight_global_scale"],
            "bnb-nf4": ["weight.absmax", "weight.quant_map"],
            "bnb-nf4-nested": ["weight.nested_absmax", "weight.nested_quant_map"],
            "mlx-4": ["biases"],
        ] {
            for suffix in suffixes {
                let text = try refusal(name) { tensors in
                    tensors.removeAll { $0.name == name + "." + suffix }
                }
                #expect(text == "tensor \(name).\(suffix) is missing")
            }
        }
    }

    @Test func symmetricSettingsNeedMiddleZeroPoints() throws {
        let text = try refusal("gptq-4-g16-asym", changing: ["sym": true])
        #expect(text.contains("say symmetric") && text.contains("zero point"))
    }

    @Test func groupIndicesAreChecked() throws {
        let name = "gptq-4-ordered"
        let beyond = try refusal(name) {
            replace("g_idx", in: &$0, with: (0..<32).map { Int32($0 / 8) })
        }
        #expect(beyond.contains("column 16 is in group 2; there are 2"))
        let uneven = try refusal(name) {
            replace("g_idx", in: &$0, with: (0..<32).map { $0 < 20 ? 0 : 1 })
        }
        #expect(uneven.contains("group 0 has 20 columns; groups of 16"))
        let negative = try refusal(name) {
            replace("g_idx", in: &$0, with: [Int32](repeating: -1, count: 32))
        }
        #expect(negative.contains("column 0 is in group -1"))
    }

    @Test func scalesThatAreNoNumbersAreSeen() throws {
        let text = try refusal("bnb-nf4") { tensors in
            for (index, tensor) in tensors.enumerated() where tensor.name.hasSuffix("absmax") {
                var bytes = tensor.bytes.array
                bytes.replaceSubrange(8..<12, with: [0, 0, 0x80, 0x7F])
                tensors[index] = StoredTensor(
                    name: tensor.name, shape: tensor.shape, encoding: tensor.encoding,
                    bytes: Bytes(bytes))
            }
        }
        #expect(text.contains("element 2 is inf"))
    }

    @Test func floatWeightsBesideScalesAreRefused() throws {
        let text = try refusal("int-quantized-channel") { tensors in
            for (index, tensor) in tensors.enumerated() where tensor.name.hasSuffix(".weight") {
                tensors[index] = StoredTensor(
                    name: tensor.name, shape: tensor.shape, encoding: .elements(.float8E5M2),
                    bytes: tensor.bytes)
            }
        }
        #expect(text.contains("F8_E5M2") && text.contains("I8 or F8_E4M3"))
    }

    @Test func modulesWithoutPackedTensorsAreLeftAlone() throws {
        let fixtures = try CheckpointFixtures.shared.get()
        for name in fixtures.names {
            let layout = try PackedCheckpoints.open(
                .init(configuration: fixtures.configuration(name)))
            #expect(try layout?.matrix(of: "another", in: fixtures.archive) == nil)
        }
    }

    private static let names = (try? CheckpointFixtures.shared.get().names) ?? []

    /// Tensors cut, stretched, retyped, renamed and overwritten, and settings changed: each is
    /// read or refused, and what is read can be decoded.
    @Test(arguments: names)
    func mangledModulesNeverTrap(name: String) throws {
        var random = SeededNumbers(
            seed: UInt64(
                truncatingIfNeeded: name.utf8.reduce(5381) {
                    $0 &* 33 &+ Int($1)
                }))
        let fixtures = try CheckpointFixtures.shared.get()
        let values: [JSONValue] = [
            .null, -1, 0, 1, 3, 5, 7, 16, 17, 1_099_511_627_776, true, false, "group", "channel",
            "tensor",
            "x", [1, 2], [0, 0], 1.5,
        ]
        for _ in 0..<200 {
            var settings = fixtures.settings[name] ?? .null
            if random.below(3) == 0 {
                settings = Self.changed(settings, &random, values)
            }
            var tensors = fixtures.tensors(name)
            for _ in 0..<random.below(3) { mangle(&tensors, &random) }
            let configuration: JSONValue = [CheckpointFixtures.key(name): settings]
            guard
                let layout = try? PackedCheckpoints.open(.init(configuration: configuration)),
                let matrix = try? layout.matrix(of: name, in: MemoryArchive(tensors: tensors))
            else { continue }
            let decoded = matrix.decoded()
            #expect(decoded.count == matrix.rows * matrix.columns)
            _ = matrix.products(with: [Float](repeating: 1, count: matrix.columns))
        }
    }

    private static func changed(
        _ value: JSONValue, _ random: inout SeededNumbers, _ values: [JSONValue]
    ) -> JSONValue {
        guard var object = value.object, object.count > 0 else {
            return values[random.below(values.count)]
        }
        let member = object.members[random.below(object.count)]
        object[member.name] = changed(member.value, &random, values)
        return .object(object)
    }

    private func mangle(_ tensors: inout [StoredTensor], _ random: inout SeededNumbers) {
        guard !tensors.isEmpty else { return }
        let index = random.below(tensors.count)
        let tensor = tensors[index]
        guard case .elements(let type) = tensor.encoding else { return }
        switch random.below(4) {
        case 0: tensors.remove(at: index)
        case 1:
            var bytes = tensor.bytes.array
            for _ in 0..<max(1, bytes.count / 8) where !bytes.isEmpty {
                bytes[random.below(bytes.count)] = UInt8(random.below(256))
            }
            tensors[index] = StoredTensor(
                name: tensor.name, shape: tensor.shape, encoding: tensor.encoding,
                bytes: Bytes(bytes))
        case 2:
            // Another shape, with the bytes that it needs.
            var shape = tensor.shape
            if shape.isEmpty || random.below(4) == 0 {
                shape.append(random.below(3))
            } else {
                let axis = random.below(shape.count)
                shape[axis] = max(0, shape[axis] + random.below(5) - 2)
            }
            let count = shape.reduce(1, *) * type.bits / 8
            let old = tensor.bytes.array
            let bytes = (0..<count).map { $0 < old.count ? old[$0] : 0x5A }
            tensors[index] = StoredTensor(
                name: tensor.name, shape: shape, encoding: tensor.encoding, bytes: Bytes(bytes))
        default:
            let types: [ElementType] = [
                .uint8, .int8, .int32, .uint32, .int64, .float16, .float32, .float8E4M3,
            ]
            let other = types[random.below(types.count)]
            let count = tensor.elementCount * other.bits / 8
            let old = tensor.bytes.array
            let bytes = (0..<count).map { $0 < old.count ? old[$0] : 0x5A }
            tensors[index] = StoredTensor(
                name: tensor.name, shape: tensor.shape, encoding: .elements(other),
                bytes: Bytes(bytes))
        }
    }
}

/// SplitMix64.
struct SeededNumbers {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func below(_ bound: Int) -> Int {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return Int((mixed ^ (mixed >> 31)) % UInt64(bound))
    }
}
