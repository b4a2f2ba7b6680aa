import ArgumentParser
import Foundation
import HalftoneCheckpoints
import HalftoneCompression
import HalftoneFormats
import HalftoneModels
import HalftoneQuantization
import HalftoneReport
import HalftoneRuns
import HalftoneRuntime

/// Matrices in forms of their own: those of published methods, and those that --format spells.
extension CompressCommand {
    /// Refuses options that a method with a form of its own has no use for.
    func validate(_ published: FormMethod) throws {
        let others = [
            ("--format", format), ("--scale", scale), ("--search", search), ("--layout", layout),
        ].filter { $0.1 != nil }.map(\.0)
        guard others.isEmpty, !output.hasSuffix(".gguf") else {
            throw ValidationError(
                "--method \(published.id) has a form of its own, written as this program's folder; "
                    + "it takes none of --format, --scale, --search, --layout and .gguf")
        }
        _ = try groupSize(published)
        let width: Int
        do throws(CompressionError) {
            width = try published.width(bits)
        } catch {
            throw ValidationError("--method \(error)")
        }
        _ = try embeddingForm(published, bits: width)
    }

    /// Columns that share a scale in the form of a published method; nil for its own choice.
    private func groupSize(_ published: FormMethod) throws -> Int? {
        guard let group else { return nil }
        guard published.groupSize != nil else {
            throw ValidationError("--method \(published.id) has no groups to choose: no --group")
        }
        guard case .group(let size) = Granularity(named: group) else {
            throw ValidationError("--group \(group): \(published.id) takes a number of columns")
        }
        return size
    }

    /// The form of embedding and head beside a published method; nil leaves them float.
    private func embeddingForm(_ published: FormMethod, bits: Int) throws -> FormRecipe? {
        guard embedding != "float" else { return nil }
        do {
            return try FormRecipe(embedding ?? published.embedding(bits: bits))
        } catch {
            throw ValidationError("--embedding: \(error)")
        }
    }

    /// Stores the matrices by a published method.
    func run(
        _ loaded: LanguageModel, _ published: FormMethod, since start: ContinuousClock.Instant
    ) throws {
        let width = try published.width(bits)
        let form = try embeddingForm(published, bits: width)
        let (model, journal) = try method.store(
            loaded, named: model, by: published, bits: width,
            groupSize: try groupSize(published), embedding: form, output: output, shared)
        let size = model.size
        let fileBytes = try write(
            ModelFolderWriter(model.original, stored: model.stored),
            packedBytes: size.packedByteCount)
        try journal?.remove()
        try report(
            body: "\(try method.pipeline)" + (bits.map { ", \($0) bits" } ?? ""),
            embedding: form?.description, packed: size.packedByteCount,
            weights: size.packedWeightCount, fileBytes: fileBytes, since: start)
    }

    /// The forms that are asked for, or nil for integer formats alone.
    func formPlan() throws -> FormPlan? {
        let names = [format, embedding == "float" ? nil : embedding].compactMap(\.self)
        guard let format, names.contains(where: { IntegerFormat(named: $0) == nil }) else {
            return nil
        }
        guard bits == nil else { throw ValidationError("give either --bits or --format") }
        guard group == nil, scale == nil else {
            throw ValidationError(
                "--group and --scale belong to integer formats; a form says them itself: "
                    + "\(format)/32/f16")
        }
        guard layout == nil || layout == "halftone", !output.hasSuffix(".gguf") else {
            throw ValidationError(
                "forms are written as this program's folders; GGUF types become GGUF files by "
                    + "`halftone convert --type`")
        }
        guard try method.pipeline.consists(of: .rtn) else {
            throw ValidationError(
                "--method \(method.steps) finds codes of integer formats; forms are rounded")
        }
        do {
            let body = try FormRecipe(format)
            // A shape that every form has.
            let isWide =
                try body.form(rows: 4096, columns: 4096)
                .bitsPerWeight(rows: 4096, columns: 4096) >= 4
            var plan = FormPlan(
                body: body, embedding: isWide ? body : try FormRecipe("int4/64"),
                search: try scaleSearch() ?? .leastError)
            if let embedding {
                plan.embedding = embedding == "float" ? nil : try FormRecipe(embedding)
            }
            return plan
        } catch let error as FormRecipeError {
            throw ValidationError(error.description)
        } catch let error as QuantizationError {
            throw ValidationError("\(format): \(error)")
        }
    }

    /// Stores the matrices in forms of their own.
    func run(
        _ loaded: LanguageModel, _ plan: FormPlan, since start: ContinuousClock.Instant
    ) throws {
        let size = try CompressedSize(of: loaded.spec, plan: plan)
        shared.note(
            "\(Formatting.grouped(size.packedWeightCount)) weights become "
                + "\(Formatting.bytes(size.packedByteCount)), "
                + "\(Formatting.decimal(size.bitsPerWeight, 3)) bits each")
        let progress = shared.progress(
            "Quantizing", total: size.packedWeightCount, unit: "weights")
        let model = try StoredModel(loaded, plan: plan, pool: shared.pool, progress: progress)
        progress.finish()
        let packed = model.stored.values.reduce(0) { $0 + $1.byteCount }
        guard packed == size.packedByteCount else {
            throw CommandError(
                "the matrices take \(packed) bytes where \(size.packedByteCount) were predicted",
                .failed)
        }
        let fileBytes = try write(
            ModelFolderWriter(loaded, stored: model.stored), packedBytes: packed)
        try report(
            body: plan.body.description, embedding: plan.embedding?.description, packed: packed,
            weights: size.packedWeightCount, fileBytes: fileBytes, since: start)
    }
}
