import HalftoneFormats
import HalftoneKernels
import HalftoneQuantization
import HalftoneTensor
import Testing

/// Matrices whose scales a method has chosen, and their parts by name.
@Suite struct StoredScalesTests {
    @Test(arguments: ScaleFormat.allCases)
    func chosenScalesAreStored(storage: ScaleFormat) throws {
        let scales: [Float] = [0.5, 0.25]
        let stored = try StoredMatrix(
            [1, -0.6, 0.1, 9, 1, -0.6, 0.1, 9], rows: 2, columns: 4, format: .e2m1,
            granularity: .channel, scales: scales, storedAs: storage)
        // Levels 0, ½, 1, 1½, 2, 3, 4 and 6, times the scale.
        #expect(try stored.decoded() == [1, -0.5, 0, 3, 1, -0.5, 0.125, 1.5])
        if !storage.hasFactor { #expect(try stored.floats(ofPart: "scales") == scales) }
        #expect(stored.form == .scaled(.e2m1, .channel, .plain(storage)))
    }

    /// What a search finds, given as a choice, gives the same bytes.
    @Test(arguments: [Granularity.tensor, .channel, .group(5), .column])
    func equalsSearchedScales(granularity: Granularity) throws {
        let values = Array(Tensor.normal([6, 12], seed: 3).elements)
        let form = MatrixForm.scaled(.nf4, granularity, .plain(.float16))
        let searched = try StoredMatrix(values, rows: 6, columns: 12, form: form)
        let given = try StoredMatrix(
            values, rows: 6, columns: 12, format: .nf4, granularity: granularity,
            scales: searched.floats(ofPart: "scales"), storedAs: .float16)
        #expect(given.parts.map(\.bytes.array) == searched.parts.map(\.bytes.array))
    }

    @Test func partsByName() throws {
        let form = MatrixForm.outlierColumns(2, base: .scaled(.e2m1, .channel, .plain(.float32)))
        let values: [Float] = [1, 9, 2, 9, 3, 9, 0, 9]
        let stored = try StoredMatrix(values, rows: 2, columns: 4, form: form)
        #expect(try stored.places(ofPart: "columns", below: 4) == [1, 3])
        #expect(try stored.floats(ofPart: "values") == [9, 9, 9, 9])
        #expect(stored.part("base.codes")?.layout.shape == [2, 1])
        #expect(stored.part("codes") == nil)
        #expect(try stored.floats(ofPart: "scales").isEmpty)
        #expect(throws: QuantizationError.self) {
            try stored.places(ofPart: "columns", below: 3)
        }
    }

    @Test func refusesWhatDoesNotFit() {
        func store(_ values: [Float], _ scales: [Float]) throws {
            _ = try StoredMatrix(
                values, rows: 1, columns: 2, format: .e2m1, granularity: .channel, scales: scales,
                storedAs: .float16)
        }
        #expect(throws: QuantizationError.self) { try store([1, 2, 3], [1]) }
        #expect(throws: QuantizationError.self) { try store([1, 2], [1, 2]) }
        #expect(throws: QuantizationError.self) { try store([1, .nan], [1]) }
        #expect(throws: QuantizationError.self) { try store([1, 2], [1e6]) }
    }
}
