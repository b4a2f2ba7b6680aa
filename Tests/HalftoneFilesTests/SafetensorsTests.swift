import Foundation
import HalftoneFiles
import HalftoneFormats
import HalftoneKernels
import Testing

struct SafetensorsTests {
    @Test func readsNamesShapesTypesAndBytes() throws {
        let header = """
            {"__metadata__":{"format":"pt","note":"é"},\
            "b":{"dtype":"BF16","shape":[2,3],"data_offsets":[4,16]},\
            "a":{"dtype":"F32","shape":[],"data_offsets":[0,4]},\
            "empty":{"dtype":"I64","shape":[0,7],"data_offsets":[16,16]},\
            "packed":{"dtype":"F4","shape":[2,2],"data_offsets":[16,18]}}   
            """
        let file = try SafetensorsFile(Bytes(safetensors(header, data: 18)), path: "x")
        #expect(file.tensorNames == ["a", "b", "empty", "packed"])
        #expect(file.metadata == ["format": "pt", "note": "é"])
        let tensor = try #require(file.tensor(named: "b"))
        #expect(tensor.shape == [2, 3] && tensor.encoding == .elements(.bfloat16))
        #expect(tensor.bytes.array == Array(4..<16))
        #expect(file.tensor(named: "a")?.shape == [])
        #expect(file.tensor(named: "empty")?.bytes.count == 0)
        #expect(file.tensor(named: "packed")?.bytes.array == [16, 17])
        #expect(file.tensor(named: "c") == nil)
        #expect(file.tensorByteCount == 18)
    }

    @Test func writesInTheReferenceOrderAndReadsItBack() throws {
        let folder = try ScratchFolder()
        var writer = SafetensorsWriter()
        let types: [(String, ElementType, [Int])] = [
            ("z", .uint8, [3]), ("y", .float32, [2, 2]), ("x\"é", .float32, [1]),
            ("w", .float16, [5]), ("v", .int64, []), ("empty", .float32, [0]),
        ]
        for (name, type, shape) in types {
            let count = shape.reduce(1, *) * type.bits / 8
            try writer.add(
                TensorSource(name: name, shape: shape, encoding: .elements(type)) { sink in
                    for byte in counting(count) { try sink.write([byte ^ name.utf8.first!]) }
                })
        }
        #expect(writer.tensorByteCount == 3 + 16 + 4 + 10 + 8)
        try writer.write(to: folder.path + "/m.safetensors")
        #expect(try folder.names == ["m.safetensors"])
        let file = try SafetensorsFile(contentsOf: folder.path + "/m.safetensors")
        #expect(file.tensorNames == ["v", "empty", "x\"é", "y", "w", "z"])
        #expect(file.metadata == ["format": "pt"])
        for (name, type, shape) in types {
            let tensor = try #require(file.tensor(named: name))
            #expect(tensor.shape == shape && tensor.encoding == .elements(type))
            #expect(
                tensor.bytes.array == counting(tensor.bytes.count).map { $0 ^ name.utf8.first! })
        }
        let bytes = try #require(folder.read("m.safetensors"))
        #expect(bytes[0] % 8 == 0)
    }

    @Test func copiesGGUFElementsButNoBlocks() throws {
        var writer = SafetensorsWriter()
        try writer.add(
            TensorSource(
                StoredTensor(
                    name: "a", shape: [2], encoding: .blocks(.f16), bytes: Bytes([1, 2, 3, 4])),
                named: "b"))
        let blocks = TensorSource(name: "q", shape: [32], encoding: .blocks(.q8_0)) { _ in }
        #expect(
            throws: TensorWriteError.notRepresentable(
                tensor: "q", encoding: "Q8_0", format: "safetensors")
        ) { try writer.add(blocks) }
    }

    @Test func refusesWhatDoesNotFit() throws {
        let folder = try ScratchFolder()
        let path = folder.path + "/m.safetensors"
        try folder.write("old", to: "m.safetensors")
        func source(_ name: String, _ shape: [Int], _ bytes: [UInt8]) -> TensorSource {
            TensorSource(name: name, shape: shape, encoding: .elements(.uint8)) {
                try $0.write(bytes)
            }
        }
        var writer = SafetensorsWriter()
        #expect(throws: TensorWriteError.self) { try writer.add(source("__metadata__", [1], [1])) }
        #expect(throws: TensorWriteError.shape(tensor: "n", .negativeDimension(-1))) {
            try writer.add(source("n", [-1], []))
        }
        try writer.add(source("a", [2], [1]))
        #expect(throws: TensorWriteError.duplicateTensor("a")) {
            try writer.add(source("a", [2], [1]))
        }
        #expect(throws: TensorWriteError.wrongByteCount(tensor: "a", written: 1, expected: 2)) {
            try writer.write(to: path)
        }
        writer = SafetensorsWriter()
        try writer.add(source("a", [2], [1, 2, 3]))
        #expect(throws: TensorWriteError.wrongByteCount(tensor: "a", written: 3, expected: 2)) {
            try writer.write(to: path)
        }
        struct Stopped: Error {}
        writer = SafetensorsWriter()
        try writer.add(
            TensorSource(name: "a", shape: [2], encoding: .elements(.uint8)) { _ in
                throw Stopped()
            })
        #expect(throws: Stopped.self) { try writer.write(to: path) }
        #expect(try folder.names == ["m.safetensors"])
        #expect(folder.read("m.safetensors") == Array("old".utf8))
    }

    @Test func noticesAFileThatChanges() throws {
        let folder = try ScratchFolder()
        try folder.write(
            safetensors(#"{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}"#, data: 4),
            to: "m")
        let file = try SafetensorsFile(contentsOf: folder.path + "/m")
        try file.checkUnchanged()
        try folder.write([1, 2, 3], to: "m")
        #expect(throws: FileError(path: file.path, .changedWhileOpen)) {
            try file.checkUnchanged()
        }
    }
}

struct ShardedCheckpointTests {
    private func tensor(_ name: String, _ count: Int) -> TensorSource {
        TensorSource(
            StoredTensor(
                name: name, shape: [count], encoding: .elements(.uint8),
                bytes: Bytes(counting(count))))
    }

    private func shards(in folder: ScratchFolder) throws -> [String] {
        var writer = SafetensorsWriter()
        for (name, count) in [("a", 60), ("b", 50), ("c", 300), ("d", 10), ("e", 90)] {
            try writer.add(tensor(name, count))
        }
        return try writer.write(toFolder: folder.path, maximumShardByteCount: 100)
    }

    @Test func writesAndReadsShards() throws {
        let folder = try ScratchFolder()
        let names = try shards(in: folder)
        // a | b | c alone above the bound | d + e exactly at it.
        #expect(
            names == (1...4).map { SafetensorsWriter.shardName($0, of: 4) }
                + ["model.safetensors.index.json"])
        #expect(names[0] == "model-00001-of-00004.safetensors")
        for path in [folder.path, folder.path + "/model.safetensors.index.json"] {
            let checkpoint = try SafetensorsCheckpoint(contentsOf: path)
            #expect(checkpoint.tensorNames == ["a", "b", "c", "d", "e"])
            #expect(checkpoint.tensor(named: "c")?.bytes.array == counting(300))
            #expect(checkpoint.warnings == [])
            #expect(checkpoint.files.count == 4)
            try checkpoint.checkUnchanged()
        }
    }

    @Test func fewTensorsMakeOneFile() throws {
        let folder = try ScratchFolder()
        var writer = SafetensorsWriter()
        try writer.add(tensor("a", 4))
        #expect(
            try writer.write(toFolder: folder.path, maximumShardByteCount: 100)
                == ["model.safetensors"])
        #expect(try SafetensorsCheckpoint(contentsOf: folder.path).tensorNames == ["a"])
    }

    private func index(_ map: [(String, String)], total: Int = 510) -> String {
        let members = map.map { "\"\($0.0)\":\"\($0.1)\"" }.joined(separator: ",")
        return "{\"metadata\":{\"total_size\":\(total)},\"weight_map\":{\(members)}}"
    }

    @Test func aWrongTotalIsAWarning() throws {
        let folder = try ScratchFolder()
        let names = try shards(in: folder)
        let map = zip(["a", "b", "c", "d", "e"], [0, 1, 2, 3, 3]).map { ($0, names[$1]) }
        try folder.write(index(map, total: 7), to: "model.safetensors.index.json")
        let checkpoint = try SafetensorsCheckpoint(contentsOf: folder.path)
        #expect(
            checkpoint.warnings == [
                "model.safetensors.index.json: total_size is 7, the tensors have 510 bytes"
            ])
    }

    @Test func mapAndShardsMustAgree() throws {
        let folder = try ScratchFolder()
        let names = try shards(in: folder)
        let good = zip(["a", "b", "c", "d", "e"], [0, 1, 2, 3, 3]).map { ($0, names[$1]) }
        func problem(_ map: [(String, String)]) throws -> FileError.Problem? {
            try folder.write(index(map), to: "model.safetensors.index.json")
            let error = #expect(throws: FileError.self) {
                try SafetensorsCheckpoint(contentsOf: folder.path)
            }
            return error?.problem
        }
        #expect(
            try problem(good + [("f", names[1])])
                == .missingFromShard(tensor: "f", shard: names[1]))
        #expect(
            try problem(Array(good.dropLast()))
                == .missingFromIndex(tensor: "e", shard: names[3]))
        #expect(try problem(good + [("f", "none.safetensors")]) == .missing)
        for name in ["../x", "/etc/passwd", "a/b", "..", "", "x\\\\u0000y", "a\\\\b", "\\u0000"] {
            #expect(
                try problem(good + [("f", name)])
                    == .unsafeName(
                        try #require(JSONParser.parse("\"\(name)\"").string)), "\(name)")
        }
        #expect(
            try problem([("a", names[0]), ("a", names[0])]).map { "\($0)" }?
                .contains("appears twice") == true)
        // The tensor a in a second shard, too.
        var writer = SafetensorsWriter()
        try writer.add(tensor("a", 60))
        try writer.add(tensor("b", 50))
        try writer.write(to: folder.path + "/" + names[1])
        #expect(
            try problem(good)
                == .tensorInTwoShards(tensor: "a", first: names[0], second: names[1]))
        try folder.write("{\"weight_map\":[]}", to: "model.safetensors.index.json")
        #expect(throws: FileError.self) { try SafetensorsCheckpoint(contentsOf: folder.path) }
    }

    @Test func foldersWithoutSafetensorsSayWhatTheyHave() throws {
        let folder = try ScratchFolder()
        #expect(throws: FileError(path: folder.path, .noWeights(found: []))) {
            try SafetensorsCheckpoint(contentsOf: folder.path)
        }
        try folder.write("x", to: "pytorch_model.bin")
        #expect(throws: FileError(path: folder.path, .noWeights(found: ["pytorch_model.bin"]))) {
            try SafetensorsCheckpoint(contentsOf: folder.path)
        }
    }
}
