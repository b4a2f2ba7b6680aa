import Foundation
import HalftoneData
import Testing

@Suite struct GeneratorTests {
    @Test func picturesFollowFromTheSeedAndTheIndex() {
        let images = FigureImages(seed: 4)
        let batch = images.batch(0..<40)
        #expect(batch == FigureImages(seed: 4).batch(0..<40))
        #expect(batch.pixels.count == 40 * 3 * 32 * 32)
        let later = images.batch(30..<40)
        #expect(Array(batch.pixels.suffix(later.pixels.count)) == later.pixels)
        #expect(batch != FigureImages(seed: 5).batch(0..<40))
        #expect(batch != images.batch(0..<40, of: .heldOut))
        #expect(batch.pixels.allSatisfy { $0 >= 0 && $0 <= 1 })
    }

    @Test func classesAreEquallyProbable() {
        let images = FigureImages(size: 8, seed: 1)
        var counts = [Int](repeating: 0, count: 12)
        for index in 0..<6000 { counts[images.scene(at: index).label] += 1 }
        // Five deviations of a count of 6000 draws of probability 1/12.
        let bound = 5 * (6000.0 / 12 * 11 / 12).squareRoot()
        #expect(counts.allSatisfy { abs(Double($0) - 500) < bound }, "\(counts)")
    }

    /// A picture of a disc has the disc's area, to a pixel's share of its border.
    @Test(arguments: [3.0, 7.5, 12.25] as [Float])
    func edgesAreSmooth(radius: Float) throws {
        let disc = Scene.Figure(
            form: .shape(.circle), center: [16.3, 15.9], radius: radius, color: .one)
        let picture = Scene(ground: .zero, figures: [disc]).rendered(height: 32, width: 32)
        let area = picture.gray.reduce(0, +)
        // A linear edge on a curved border errs by at most 1/24 of a pixel per unit of arc at
        // radius 1, less for larger ones; a tenth of a pixel per unit is far above that.
        #expect(abs(area - .pi * radius * radius) < 0.1 * 2 * .pi * radius)
        let box = try #require(picture.box(of: 0))
        #expect(abs(Float(box.width) - 2 * radius) <= 1.5)
        #expect(abs(Float(box.left) - (16.3 - radius)) <= 1)
        #expect(Float(picture.mask(of: 0).count { $0 }) - area < 2 * .pi * radius / 2)
    }

    @Test func figuresInFrontHideThoseBehind() {
        let back = Scene.Figure(
            form: .shape(.square), center: [16, 16], radius: 10, color: [1, 0, 0])
        var front = back
        front.color = [0, 1, 0]
        let picture = Scene(ground: .zero, figures: [back, front]).rendered(height: 32, width: 32)
        #expect(picture.box(of: 0) == nil)
        #expect(picture.pixels[16 * 32 + 16] == 0)
        #expect(picture.pixels[1024 + 16 * 32 + 16] == 1)
        #expect(picture.figureMap[16 * 32 + 16] == 2)
        #expect(picture.figureMap[0] == 0)
    }

    @Test func glyphsAreDrawn() {
        let images = FigureImages(characters: "0123456789", seed: 2)
        let batch = images.batch(0..<20)
        #expect(batch.channels == 1 && batch.height == 28)
        let scene = images.scene(at: 0).scene
        #expect(scene.rendered(height: 28, width: 28).mask(of: 0).count { $0 } > 30)
    }

    @Test func clustersHaveTheirMeans() {
        let clusters = GaussianClusters(classes: 5, dimensions: 20, seed: 3)
        let sample = clusters.sample(5000, stream: 0)
        #expect(sample == clusters.sample(5000, stream: 0))
        #expect(sample != clusters.sample(5000, stream: 1))
        for label in 0..<5 {
            let rows = sample.labels.indices.filter { sample.labels[$0] == Int32(label) }
            for dimension in 0..<20 {
                let mean =
                    rows.reduce(0.0) { $0 + Double(sample.values[$1 * 20 + dimension]) }
                    / Double(rows.count)
                // Five standard errors of a mean of about 1000 draws of deviation 1.
                let bound = 5 / Double(rows.count).squareRoot()
                #expect(abs(mean - Double(clusters.means[label][dimension])) < bound)
            }
        }
        let right = sample.labels.indices.count {
            clusters.nearestMean(to: sample.values[$0 * 20..<($0 + 1) * 20]) == sample.labels[$0]
        }
        #expect(right > 4700)
    }

    @Test func labelsHaveTheStatedProbabilities() throws {
        let table = ClickTable(
            valueCounts: [20, 20, 20, 20, 50],
            terms: [
                .main(column: 0, deviation: 0.5, useless: 0.5),
                .product(1, 2, rank: 2, deviation: 1), .memorized(0, 3, deviation: 1),
                .signs([1, 2, 3], strength: 1.5),
            ], bias: -0.5, seed: 8)
        let (batch, probabilities) = table.sample(20_000, stream: 1)
        #expect(batch.problems.isEmpty)
        let labels = try #require(batch.labels["click"])
        let clicks = labels.reduce(0) { $0 + Double($1) }
        let expected = probabilities.reduce(0) { $0 + Double($1) }
        let variance = probabilities.reduce(0) { $0 + Double($1) * (1 - Double($1)) }
        #expect(abs(clicks - expected) < 5 * variance.squareRoot())
        // Calibrated in the upper and lower half too.
        for half in [true, false] {
            let rows = labels.indices.filter { (probabilities[$0] > 0.5) == half }
            let difference = rows.reduce(0) { $0 + Double(labels[$1] - probabilities[$1]) }
            #expect(abs(difference) < 5 * variance.squareRoot())
        }
        #expect(batch == table.sample(20_000, stream: 1).batch)
    }

    @Test func theUpliftIsTheDifferenceOfArms() throws {
        let (batch, uplift) = UpliftTable(seed: 5).sample(100_000, stream: 0)
        let conversions = try #require(batch.labels["conversion"])
        let clicks = try #require(batch.labels["click"])
        #expect(zip(conversions, clicks).allSatisfy { $0 <= $1 })
        func rate(_ arm: Int32) -> Double {
            let rows = batch.treatment.indices.filter { batch.treatment[$0] == arm }
            return rows.reduce(0) { $0 + Double(conversions[$1]) } / Double(rows.count)
        }
        let mean = uplift.reduce(0) { $0 + Double($1) } / 100_000
        // Two rates of about 0.1 over 50,000 rows: a standard error of 0.0019.
        #expect(abs(rate(1) - rate(0) - mean) < 5 * 0.0019)
    }

    @Test func chainsHaveTheStatedEntropy() {
        let even = MarkovTokens(states: 20, successors: 4, seed: 1)
        #expect(abs(even.entropyRate - log(4)) < 1e-9)
        let chain = MarkovTokens(states: 12, successors: 3, isEven: false, seed: 2)
        let tokens = chain.sequence(length: 200_000, index: 0)
        var pairs: [Int32: [Int32: Int]] = [:]
        for (token, next) in zip(tokens, tokens.dropFirst()) {
            pairs[token, default: [:]][next, default: 0] += 1
        }
        var entropy = 0.0
        for (_, nexts) in pairs {
            let total = Double(nexts.values.reduce(0, +))
            for count in nexts.values { entropy -= Double(count) * log(Double(count) / total) }
        }
        // The plug-in estimate is low by (parameters)/(2n) = 24 / 400,000 and has a standard error
        // of about 0.5 / √200,000.
        #expect(abs(entropy / 199_999 - chain.entropyRate) < 0.006)
    }

    @Test(arguments: [
        TokenTask.copy(symbols: 8, length: 6), .induction(symbols: 30, length: 40),
        .modularAddition(modulus: 13), .parentheses(kinds: 3, length: 20),
    ])
    func tasksHaveRightAnswers(task: TokenTask) {
        for index in 0..<300 {
            let example = task.example(at: index, seed: 6)
            #expect(example.tokens.count == example.isAnswer.count)
            #expect(example.tokens.allSatisfy { $0 >= 0 && $0 < Int32(task.vocabularySize) })
            #expect(example == task.example(at: index, seed: 6))
            let tokens = example.tokens
            switch task {
            case .copy(_, let length): #expect(tokens.prefix(length) == tokens.suffix(length))
            case .modularAddition(let modulus):
                #expect((tokens[0] + tokens[1]) % Int32(modulus) == tokens[3])
            case .parentheses(let kinds, _):
                var open: [Int32] = []
                for token in tokens {
                    if token < Int32(kinds) {
                        open.append(token)
                    } else {
                        #expect(open.popLast() == token - Int32(kinds))
                    }
                }
                #expect(open.isEmpty)
            case .induction:
                var follower: [Int32: Int32] = [:]
                for place in 1..<tokens.count {
                    if example.isAnswer[place] {
                        #expect(follower[tokens[place - 1]] == tokens[place])
                    }
                    if follower[tokens[place - 1]] == nil {
                        follower[tokens[place - 1]] = tokens[place]
                    }
                }
            }
        }
    }
}
