import HalftoneRecipes
import HalftoneRuns
import Testing

private struct Sample: Recipe, Equatable {
    enum Optimizer: String, Codable, CaseIterable { case adam, sgd, adagrad }
    struct Layer: Codable, Equatable {
        var name: String
        var bits: Int8
    }
    struct Training: Codable, Equatable {
        var steps = 100
        var learningRate = 0.001
        var optimizer = Optimizer.adam
        var warmup: Int?
        var isShuffled = true
    }

    static let version = 2
    static let defaults: Sample? = Sample()
    var name = "sample"
    var seed: UInt64 = 1
    var training = Training()
    var layers: [Layer] = []

    func check(_ checks: inout RecipeChecks) {
        checks.require(training.steps, in: 1...1000, "training.steps")
        for (index, layer) in layers.enumerated() {
            checks.require(
                (1...8).contains(layer.bits), "layers[\(index)].bits", "\(layer.bits) bits")
        }
    }
}

private func problems(_ text: String) -> [String] {
    do {
        _ = try Sample.read(text)
        return []
    } catch let error as RecipeError {
        return error.problems.map(\.description)
    } catch {
        return ["\(error)"]
    }
}

struct RecipeTests {
    @Test func whatIsLeftOutTakesItsDefault() throws {
        let yaml = """
            version: 2
            seed: 18446744073709551615
            training: {steps: 1e2, learningRate: 1e-2, warmup: 5}
            layers:
              - name: "8"   # quoted: text
                bits: 4
            """
        let recipe = try Sample.read(yaml)
        var expected = Sample(seed: .max, layers: [.init(name: "8", bits: 4)])
        expected.training.learningRate = 0.01
        expected.training.warmup = 5
        #expect(recipe.value == expected)
        // The same as JSON, all stated, is the same recipe.
        let json = """
            {\t"version": 2, "name": "sample", "seed": 18446744073709551615,
            \t"training": {"steps": 100, "learningRate": 0.01, "optimizer": "adam", "warmup": 5,
            \t\t"isShuffled": true}, "layers": [{"name": "8", "bits": 4}]}
            """
        let same = try Sample.read(json)
        #expect(same.value == expected && same.canonical == recipe.canonical)
        // What is stored reads back as itself.
        let stored = String(decoding: recipe.canonical.bytes, as: UTF8.self)
        #expect(try Sample.read(stored).value == expected)
    }

    @Test func allProblemsAreReportedAtOnce() {
        let yaml = """
            version: 2
            nam: x
            seed: -1
            training:
              steps: 0
              learning_rate: 0.1
              optimizer: adagrat
              isShuffled: yes
            layers:
              - {name: 7, bits: 300}
              - {name: a, bits: 9, group: 4}
              - {bits: 4}
            """
        #expect(
            problems(yaml) == [
                "2: nam: no such key; did you mean \"name\"?",
                "3: seed: a whole number from 0 on is wanted, not -1",
                "5: training.steps: 0 is not from 1 to 1000",
                "6: training.learning_rate: no such key; did you mean \"learningRate\"?",
                "7: training.optimizer: one of adam, sgd, adagrad is wanted, not the text "
                    + "\"adagrat\"; did you mean \"adagrad\"?",
                "8: training.isShuffled: true or false is wanted, not the text \"yes\"",
                "10: layers[0].bits: a whole number from -128 to 127 is wanted, not 300",
                "10: layers[0].name: text is wanted, not 7",
                "11: layers[1].bits: 9 bits",
                "11: layers[1].group: no such key; there are bits, name",
                "12: layers[2].name: is missing",
            ])
    }

    @Test(arguments: [
        ("", "1: the document is empty"), ("[1, 2]", "1: a group of keys is wanted, not a list"),
        ("name: x", "1: version: is missing; this is version 2"),
        ("version: 3", "1: version: 3 cannot be read; 1 to 2 are known"),
        ("version: 2\ntraining: 5", "2: training: a group of keys is wanted, not 5"),
        ("version: 2\nlayers: x", "2: layers: a list is wanted, not the text \"x\""),
    ])
    func documentsThatAreNone(text: String, problem: String) {
        #expect(problems(text) == [problem])
    }

    @Test func brokenYAMLNamesItsLine() {
        for text in [
            "version: 2\nname: [a", "version: 2\n\tname: x", "version: 2\nname: x\nname: y",
        ] {
            let found = problems(text)
            #expect(found.count == 1 && found[0].first?.isNumber == true, "\(found)")
        }
        // Each alias doubles what the one before stands for.
        var bomb = "version: 2\na0: &a0 [1, 1]\n"
        for index in 1..<40 {
            bomb += "a\(index): &a\(index) [*a\(index - 1), *a\(index - 1)]\n"
        }
        #expect(problems(bomb).first?.hasSuffix("more than 100000 values") == true)
    }
}
