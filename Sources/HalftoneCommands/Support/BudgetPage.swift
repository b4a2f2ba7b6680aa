import Foundation
import HalftoneCompression
import HalftoneKernels
import HalftoneModels
import HalftoneQuantization
import HalftoneReport
import HalftoneRuntime
import HalftoneText

/// The page of a budget that was spent: what was chosen, what it cost, what is worth more bits, and
/// how to do it again.
struct BudgetPage {
    private let report: BudgetReport
    private let job: BudgetedCompression
    private let outcome: BudgetedCompression.Outcome
    private let calibration: String?
    private let choices: [Role: StorageCosts.Choice]

    init(
        _ report: BudgetReport, job: BudgetedCompression, outcome: BudgetedCompression.Outcome,
        calibration: String?
    ) {
        self.report = report
        self.job = job
        self.outcome = outcome
        self.calibration = calibration
        choices = outcome.costs.choices(of: outcome.plan)
    }

    private var isCoded: Bool { outcome.candidates.contains { $0.kind == .coded } }

    /// The page.
    func page() throws -> Page {
        let damage = "expected " + outcome.costs.unit.title
        return Page(
            "\(URL(filePath: report.model).lastPathComponent) in "
                + Formatting.bytes(report.fileBytes),
            parts: try [
                .text(
                    "The budget: \(job.budget) for "
                        + "\(Formatting.grouped(outcome.model.size.packedWeightCount)) weights. "
                        + (outcome.candidates.contains { $0.kind == .uniform }
                            ? "Two candidates keep it: the best that stores all layers alike, and "
                            : "Layers alike do not keep it, so that what was tried is ")
                        + (isCoded
                            ? "codes that an entropy coder makes small, each row with the step "
                                + "that its outputs are worth. "
                            : "every matrix in the way that together is expected to cost the "
                                + "predictions least. ")
                        + "Of these, and of what tuning made of the nearer "
                        + "one, that is written whose predictions are nearest to the float "
                        + "model's on \(Formatting.grouped(job.heldOut.count)) tokens that no "
                        + "other step read. It took \(Formatting.duration(report.seconds))."),
                .table(summary()), .table(candidates()),
            ]
                + curves() + [
                    .table(try speeds()),
                    .heading("Where the bits are"),
                    .figure(
                        map("Bits per weight", Axis("bits per weight, everything counted")) {
                            8 * Double($1.byteCount) / Double($0.weightCount)
                        }),
                    .figure(outcome.plan.cost > 0 ? damageMap(damage) : changeMap()),
                ]
                + [.figure(bytesByKind())]
                + (outcome.plan.cost > 0
                    ? [.heading("What is worth more bits"), .table(worth(damage))] : [])
                + [.heading("Weights before and after")] + histograms().map { .figure($0) }
                + samples() + recipe())
    }

    private func summary() -> Table {
        let written = outcome.candidates.last
        let (packed, float) = (bytes(isFloat: false), bytes(isFloat: true))
        let weights = outcome.model.size.packedWeightCount
        let floatBits = Double(8 * float.matrices) / Double(max(weights, 1))
        return Table(
            "In short", columns: ["", "compressed", "float"],
            rows: [
                [
                    "bytes of the weight file", Formatting.grouped(report.fileBytes),
                    Formatting.grouped(float.body + float.tables + packed.others),
                ],
                [
                    "bits per weight", Formatting.decimal(report.bitsPerWeight, 3),
                    Formatting.decimal(floatBits, 3),
                ],
                ["KL, nats per token", written.map(Self.divergence) ?? "—", "—"],
                [
                    "perplexity", Formatting.decimal(written?.perplexity ?? .nan, 3),
                    Formatting.decimal(report.floatPerplexity, 3),
                ],
            ])
    }

    private static func divergence(_ candidate: BudgetedCompression.Candidate) -> String {
        Formatting.decimal(candidate.divergence, 4) + " ± "
            + Formatting.decimal(candidate.divergenceError, 4)
    }

    private func candidates() -> Table {
        let last = outcome.candidates.count - 1
        return Table(
            "Candidates on held-out text",
            columns: ["candidate", "bytes", "expected KL", "KL", "perplexity", ""],
            rows: outcome.candidates.enumerated().map { place, candidate in
                [
                    BudgetReport.names[candidate.kind] ?? candidate.kind.rawValue,
                    Formatting.grouped(candidate.packedBytes),
                    candidate.expected.map { Formatting.decimal($0, 4) } ?? "—",
                    Self.divergence(candidate), Formatting.decimal(candidate.perplexity, 3),
                    place == last ? "written" : "",
                ]
            })
    }
}

extension BudgetPage {
    /// A value of each matrix, by block and part.
    private func map(
        _ title: String, _ scale: Axis,
        _ value: (StorageCosts.Unit, StorageCosts.Choice) -> Double
    ) -> Figure {
        .heatMap(
            HeatMap(
                title, blocks: outcome.model.original.spec.blocks.count,
                values: outcome.costs.units.compactMap { unit in
                    choices[unit.role].map { (unit.role, value(unit, $0)) }
                }, scale: scale))
    }

    private func damageMap(_ damage: String) -> Figure {
        map("Expected damage", Axis(damage, scale: .logarithmic)) { $1.cost }
    }

    /// What is known of damage where what each matrix costs is not.
    private func changeMap() -> Figure {
        map("What weights change by", Axis("% of their squares", scale: .logarithmic)) { unit, _ in
            let float = job.model.weights.matrix(unit.role).decoded()
            let found = outcome.model.weights.matrix(unit.role).decoded()
            let (change, squares) = zip(float, found).reduce((0.0, 0.0)) { sums, pair in
                let change = Double(pair.0 - pair.1)
                return (sums.0 + change * change, sums.1 + Double(pair.0 * pair.0))
            }
            return squares > 0 ? 100 * change / squares : .nan
        }
    }

    /// Loss against bytes: what was measured, and what other sizes are expected to have.
    private func curves() -> [Page.Part] {
        let curves = job.curves(of: outcome)
        guard !curves.isEmpty else { return [] }
        func name(_ kind: BudgetedCompression.Candidate.Kind) -> String {
            BudgetReport.names[kind] ?? kind.rawValue
        }
        let lines = curves.map { curve in
            ChartSeries(
                name(curve.kind) + ", expected",
                points: curve.points.map {
                    ChartPoint(x: Double($0.packedBytes), y: $0.divergence)
                })
        }
        let points = outcome.candidates.enumerated().map { place, candidate in
            let written = place == outcome.candidates.count - 1 ? ", written" : ""
            return ChartSeries(
                name(candidate.kind) + written,
                points: [ChartPoint(x: Double(candidate.packedBytes), y: candidate.divergence)],
                style: .points)
        }
        return [
            .figure(
                .xy(
                    XYChart(
                        "What other sizes would lose",
                        note:
                            "Points were measured on held-out text; lines follow from costs, "
                            + "through the point of their kind",
                        x: Axis("bytes of the packed matrices, everything counted"),
                        y: Axis("KL, nats", scale: .logarithmic), series: lines + points)))
        ]
    }

    /// Tokens a second of what was written, and of the float model.
    private func speeds() throws -> Table {
        func speeds(_ weights: DecoderWeights) throws -> [Double] {
            let decoder = SpeedTest.decoder(weights, job.pool)
            let length = min(256, weights.spec.contextLength)
            let state = decoder.makeState(capacity: length)
            let prompts = try (0..<3).map { _ in
                Double(length) / (try SpeedTest.prefill(decoder, state, length: length))
            }
            return [try SpeedTest.generation(decoder, rounds: 3), prompts.median]
        }
        let compressed = try speeds(
            try LanguageModel(path: report.output, readsTokenizer: false).weights)
        let float = try speeds(job.model.weights)
        return Table(
            "Tokens a second on \(job.pool.threadCount) threads of this machine",
            columns: ["", "compressed", "float"],
            rows: zip(["one after another", "of a prompt"], zip(compressed, float)).map {
                [$0, Formatting.decimal($1.0, 1), Formatting.decimal($1.1, 1)]
            })
    }

    /// Bytes by kind; what is no matrix, and what a file says of itself, counts as written.
    private func bytes(isFloat: Bool) -> (body: Int, tables: Int, others: Int, matrices: Int) {
        var (body, tables, chosen, stored) = (0, 0, 0, 0)
        for slot in job.model.spec.slots where slot.role.isPackable {
            let float = job.model.weights.matrix(slot.role).byteCount
            let choice = choices[slot.role]
            let written = choice?.byteCount ?? float
            stored += written
            if choice != nil { chosen += isFloat ? float : written }
            if slot.role.block == nil {
                tables += isFloat ? float : written
            } else {
                body += isFloat ? float : written
            }
        }
        return (body, tables, report.fileBytes - stored, chosen)
    }

    private func bytesByKind() -> Figure {
        func series(_ name: String, isFloat: Bool) -> BarChart.Series {
            let found = bytes(isFloat: isFloat)
            return .init(name, values: [found.body, found.tables, found.others].map { Double($0) })
        }
        return .bars(
            BarChart(
                "Bytes of the weight file",
                categories: ["layers of the blocks", "embedding and head", "everything else"],
                axis: Axis("bytes"),
                series: [
                    series("float", isFloat: true), series("compressed", isFloat: false),
                ]))
    }

    private func worth(_ damage: String) -> Table {
        Table(
            "The 20 matrices that would miss their bits most: \(damage)",
            columns: ["matrix", "stored as", "damage", "smaller", "damage", "saves"],
            rows: outcome.costs.steps(below: outcome.plan).prefix(20).map { step in
                [
                    "\(step.role)".replacing(".weight", with: ""), step.chosen.packing.formatName,
                    Formatting.short(step.chosen.cost), step.smaller.packing.formatName,
                    Formatting.short(step.smaller.cost), Formatting.bytes(step.savedBytes),
                ]
            })
    }
}

extension BudgetPage {
    /// Values of the layers with the fewest bits, the most, and the most damage.
    private func histograms() -> [Figure] {
        let units = outcome.costs.units.filter { $0.role.block != nil }
        func bits(_ unit: StorageCosts.Unit) -> Double {
            Double(choices[unit.role]?.byteCount ?? 0) / Double(unit.weightCount)
        }
        func cost(_ unit: StorageCosts.Unit) -> Double { choices[unit.role]?.cost ?? 0 }
        var shown: [StorageCosts.Unit] = []
        for case let unit? in [
            units.min { bits($0) < bits($1) }, units.max { bits($0) < bits($1) },
            units.max { cost($0) < cost($1) },
        ] where !shown.contains(unit) {
            shown.append(unit)
        }
        return shown.map { histogram($0.role) }
    }

    /// How a matrix is stored, and in how many bits a weight.
    private func stored(_ role: Role, _ choice: StorageCosts.Choice) -> String {
        let matrix = job.model.weights.matrix(role)
        let bits = Double(8 * choice.byteCount) / Double(max(matrix.rows * matrix.columns, 1))
        return "stored as \(outcome.name(of: choice.packing)), "
            + "\(Formatting.decimal(bits, 2)) bits a weight"
    }

    private func histogram(_ role: Role) -> Figure {
        let float = job.model.weights.matrix(role).decoded()
        let squares = float.reduce(0.0) { $0 + Double($1 * $1) }
        let reach = 4 * (squares / Double(max(float.count, 1))).squareRoot()
        let bins = 80
        func line(_ name: String, _ values: [Float]) -> ChartSeries {
            var counts = [Int](repeating: 0, count: bins)
            for value in values {
                let place = (Double(value) / reach + 1) / 2 * Double(bins)
                if place >= 0, place < Double(bins) { counts[Int(place)] += 1 }
            }
            return ChartSeries(
                name,
                points: counts.enumerated().map { bin, count in
                    ChartPoint(
                        x: reach * (2 * (Double(bin) + 0.5) / Double(bins) - 1),
                        y: 100 * Double(count) / Double(max(values.count, 1)))
                })
        }
        return .xy(
            XYChart(
                "\(role)", note: choices[role].map { stored(role, $0) } ?? "",
                x: Axis("weight"), y: Axis("% of weights", includesZero: true),
                series: [
                    line("compressed", outcome.model.weights.matrix(role).decoded()),
                    line("float", float),
                ]))
    }

    /// What both models write after the beginnings of held-out windows.
    private func samples() throws -> [Page.Part] {
        guard let tokenizer = job.model.tokenizer else { return [] }
        let length = job.calibration.sequences[0].count
        let starts = stride(from: 0, to: job.heldOut.count, by: max(length, 1)).prefix(3)
        func writes(_ weights: DecoderWeights) throws -> [String] {
            let decoder = Decoder(weights, pool: job.pool)
            return try starts.map { start in
                let prompt =
                    (tokenizer.openingToken.map { [$0] } ?? []) + job.heldOut[start...].prefix(12)
                var sampler = Sampler(SamplingOptions())
                var written: [Int32] = []
                _ = try decoder.generate(
                    prompt, state: decoder.makeState(capacity: prompt.count + 48),
                    sampler: &sampler, limit: 48, stopTokens: job.model.stopTokens
                ) {
                    written.append($0)
                    return true
                }
                return tokenizer.decode(written)
            }
        }
        let float = try writes(job.model.weights)
        let compressed = try writes(outcome.model.weights)
        return [
            .heading("What both write"),
            .table(
                Table(
                    "The most likely tokens after 12 of held-out text",
                    columns: ["beginning", "float", "compressed"],
                    rows: starts.enumerated().map { place, start in
                        [
                            tokenizer.decode(Array(job.heldOut[start...].prefix(12))),
                            float[place], compressed[place],
                        ]
                    })),
        ]
    }

    /// What must agree for a job to end with the same bytes.
    private struct Recipe: Encodable {
        var model: String
        var modelRowsSHA256: String
        var budget: String
        var settings: BudgetSettings
        var calibration: String
        var calibrationTokensSHA256: String
        var heldOutTokensSHA256: String
        var threads: Int
        var weightFileSHA256: String
    }

    private func recipe() throws -> [Page.Part] {
        let recipe = Recipe(
            model: report.model, modelRowsSHA256: CompressionJournal.sample(of: job.model.weights),
            budget: "\(job.budget)", settings: job.settings,
            calibration: calibration ?? "what the model writes",
            calibrationTokensSHA256: CompressionJournal.digest(of: job.calibration.sequences),
            heldOutTokensSHA256: CompressionJournal.digest(of: [job.heldOut]),
            threads: job.pool.threadCount,
            weightFileSHA256: try FileDigest.hexadecimal(
                of: URL(filePath: report.weightFile), .sha256))
        return [
            .heading("To run it again"),
            .text(
                "The same model, text and settings end with the same bytes. Digests are SHA-256: "
                    + "of a row of each float matrix, of the tokens, and of the weight file."),
            .code(try Formatting.json(recipe)),
        ]
    }
}
