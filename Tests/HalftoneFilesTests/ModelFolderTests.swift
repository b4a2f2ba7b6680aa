import Foundation
import HalftoneFiles
import HalftoneKernels
import Testing

private let weights = safetensors(
    #"{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}"#, data: 4)

struct ModelFolderTests {
    private func folder() throws -> ScratchFolder {
        let folder = try ScratchFolder()
        try folder.write(#"{"model_type":"llama","x":Infinity}"#, to: "config.json")
        try folder.write(weights, to: "model.safetensors")
        return folder
    }

    @Test func givesDocumentsAsTheyAre() throws {
        let folder = try folder()
        try folder.write(#"{"eos_token_id":[1,2]}"#, to: "generation_config.json")
        try folder.write(#"{"model":{}}"#, to: "tokenizer.json")
        try folder.write(#"{"eos_token":"</s>"}"#, to: "special_tokens_map.json")
        let model = try ModelFolder(folder.path)
        #expect(model.config["model_type"] == "llama")
        #expect(model.generationConfig?["eos_token_id"] == [1, 2])
        #expect(model.specialTokensMap?["eos_token"] == "</s>")
        #expect(model.tokenizerConfig == nil && model.chatTemplates == [])
        #expect(try model.tokenizer()?["model"] == [:])
        #expect(try model.json("preprocessor_config.json") == nil)
        #expect(try model.pathOfFile("tokenizer.json")?.hasSuffix("/tokenizer.json") == true)
        #expect(try model.weights().tensorNames == ["a"])
    }

    @Test func aFolderWithoutConfigIsNoModel() throws {
        let folder = try ScratchFolder()
        #expect(throws: FileError(path: folder.path, .notAModelFolder)) {
            try ModelFolder(folder.path)
        }
        #expect(throws: FileError(path: folder.path + "/x", .missing)) {
            try ModelFolder(folder.path + "/x")
        }
        try folder.write("<!DOCTYPE html>", to: "config.json")
        let error = #expect(throws: FileError.self) { try ModelFolder(folder.path) }
        #expect(error?.problem == .wrongContent(.webPage, expected: "a JSON document"))
        try folder.write("{\"a\":1,\"a\":2}", to: "config.json")
        let duplicate = #expect(throws: FileError.self) { try ModelFolder(folder.path) }
        #expect(duplicate?.problem == .json(.duplicateMember(name: "a", offset: 7)))
    }

    @Test func chatTemplatesHaveTheirPrecedence() throws {
        let folder = try folder()
        func templates() throws -> [String] {
            try ModelFolder(folder.path).chatTemplates.map { "\($0.name)=\($0.text)" }
        }
        try folder.write(#"{"chat_template":"old"}"#, to: "tokenizer_config.json")
        #expect(try templates() == ["default=old"])
        try folder.write(
            #"""
            {"chat_template":[{"name":"tool_use","template":"T"},
            {"name":"default","template":"D"}]}
            """#, to: "tokenizer_config.json")
        #expect(try templates() == ["default=D", "tool_use=T"])
        try folder.write("new", to: "chat_template.jinja")
        #expect(try templates() == ["default=new", "tool_use=T"])
        try folder.makeFolder("additional_chat_templates")
        try folder.write("R", to: "additional_chat_templates/rag.jinja")
        try folder.write("T2", to: "additional_chat_templates/tool_use.jinja")
        #expect(try templates() == ["default=new", "rag=R", "tool_use=T2"])
        let model = try ModelFolder(folder.path)
        #expect(model.chatTemplate == "new" && model.chatTemplate(named: "rag") == "R")
        #expect(model.chatTemplate(named: "none") == nil)
        try folder.write(#"{"chat_template":"legacy"}"#, to: "chat_template.json")
        let error = #expect(throws: FileError.self) { try templates() }
        #expect("\(String(describing: error))".contains("both present"))
    }

    @Test func aLegacyTemplateFileCountsAlone() throws {
        let folder = try folder()
        try folder.write(#"{"chat_template":"legacy"}"#, to: "chat_template.json")
        #expect(try ModelFolder(folder.path).chatTemplate == "legacy")
        for wrong in [#"{"chat_template":3}"#, #"{"chat_template":[{"name":"a"}]}"#] {
            try folder.write(wrong, to: "tokenizer_config.json")
            #expect(throws: FileError.self) { try ModelFolder(folder.path) }
        }
    }

    @Test func linksMayStayInsideOrLeadToTheCachesBlobs() throws {
        let cache = try ScratchFolder()
        try cache.makeFolder("models--o--n/blobs")
        try cache.makeFolder("models--o--n/snapshots/abc/additional_chat_templates")
        try cache.write(weights, to: "models--o--n/blobs/1234")
        try cache.write("{}", to: "models--o--n/blobs/5678")
        try cache.write("R", to: "models--o--n/blobs/9abc")
        try cache.write("{}", to: "outside.json")
        let snapshot = "models--o--n/snapshots/abc"
        try cache.link(snapshot + "/model.safetensors", to: "../../blobs/1234")
        try cache.link(snapshot + "/config.json", to: "../../blobs/5678")
        try cache.link(snapshot + "/tokenizer.json", to: "config.json")
        try cache.link(
            snapshot + "/additional_chat_templates/rag.jinja", to: "../../../blobs/9abc")
        let model = try ModelFolder(cache.path + "/" + snapshot)
        #expect(try model.weights().tensorNames == ["a"])
        #expect(try model.tokenizer() == [:])
        #expect(model.chatTemplate(named: "rag") == "R")
        // The folder itself may be reached through a link.
        try cache.link("alias", to: snapshot)
        #expect(try ModelFolder(cache.path + "/alias").weights().tensorNames == ["a"])

        for target in [
            "../../../outside.json", "/etc/hostname", "../../snapshots/../../outside.json",
        ] {
            let name = "generation_config.json"
            try cache.link(snapshot + "/" + name, to: target)
            let error = #expect(throws: FileError.self) { try ModelFolder(model.path) }
            #expect(error?.problem == .linkLeavesFolder(name: name), "\(target)")
            try FileManager.default.removeItem(atPath: cache.path + "/" + snapshot + "/" + name)
        }
        try cache.link(snapshot + "/loop.json", to: "loop.json")
        #expect(throws: FileError.self) { try model.json("loop.json") }
        try cache.link(snapshot + "/gone.json", to: "nowhere.json")
        #expect(throws: FileError.self) { try model.json("gone.json") }
        #expect(throws: FileError(path: model.path, .unsafeName("../config.json"))) {
            try model.json("../config.json")
        }
        try cache.makeFolder(snapshot + "/folder.json")
        let error = #expect(throws: FileError.self) { try model.json("folder.json") }
        #expect(error?.problem == .notARegularFile)
    }

    @Test func blobsOfAnotherLayoutAreOutside() throws {
        let folder = try folder()
        try folder.makeFolder("m/inner")
        try folder.makeFolder("m/blobs")
        try folder.write("{}", to: "m/blobs/1")
        try folder.link("m/inner/config.json", to: "../blobs/1")
        #expect(
            throws: FileError(
                path: folder.path + "/m/inner", .linkLeavesFolder(name: "config.json"))
        ) { try ModelFolder(folder.path + "/m/inner") }
    }
}

struct OpenModelFileTests {
    @Test func contentDecides() throws {
        let folder = try ScratchFolder()
        try folder.write(weights, to: "m.gguf")
        var builder = GGUFBuilder()
        builder.addTensor("a", [2])
        builder.dataByteCount = 8
        try folder.write(builder.bytes, to: "m.safetensors")
        guard case .safetensors = try openModelFile(folder.path + "/m.gguf"),
            case .gguf(let file) = try openModelFile(folder.path + "/m.safetensors")
        else {
            Issue.record("the ending of the name decided")
            return
        }
        #expect(file.tensorNames == ["a"])
        try folder.makeFolder("model")
        try folder.write("{}", to: "model/config.json")
        try folder.write(weights, to: "model/model.safetensors")
        let model = try openModelFile(folder.path + "/model")
        #expect(model.archive.tensorNames == ["a"])
        guard case .folder = model else {
            Issue.record("a folder was not taken as one")
            return
        }
        try folder.write("version https://git-lfs.github.com/spec/v1\noid sha256:1", to: "m.gguf")
        let error = #expect(throws: FileError.self) { try openModelFile(folder.path + "/m.gguf") }
        #expect(
            error?.problem
                == .wrongContent(.gitLFSPointer, expected: "a safetensors or GGUF file"))
        // A text, and a picture: no header that is too long, but no model at all.
        for content in [Array("root:x:0:0:root:/root:/bin/bash\n".utf8), [0x89, 0x50, 0x4E, 0x47]] {
            try folder.write(content, to: "other")
            #expect(
                throws: FileError(
                    path: folder.path + "/other",
                    .unknownContent(expected: "a safetensors or GGUF file"))
            ) { try openModelFile(folder.path + "/other") }
        }
        #expect(throws: FileError(path: "/dev/null", .notARegularFile)) {
            try openModelFile("/dev/null")
        }
        #expect(throws: FileError(path: folder.path + "/none", .missing)) {
            try openModelFile(folder.path + "/none")
        }
    }
}
