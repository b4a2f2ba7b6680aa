import HalftoneFiles
import HalftoneKernels
import HalftoneNN
import HalftoneTensor
import HalftoneTesting
import Testing

/// Values and gradients of operations, held to those that PyTorch computed in float64.
struct StoredOperationTests {
    @Test(arguments: StoredOperation.all.keys.sorted())
    func agreesWithPyTorch(operation: String) throws {
        let fixture = try TrainingFixture("operations")
        let compute = try #require(StoredOperation.all[operation])
        let cases = try #require(fixture.json["cases"]?.array)
        let own = cases.filter { $0["operation"]?.string == operation }
        #expect(!own.isEmpty)
        var compared = 0
        for entry in own {
            let item = try #require(StoredOperation(entry, fixture))
            guard let output = compute(item) else { continue }
            compared += 1
            try item.check(output, "output")
            let leaves = item.names.map { item[$0] }
            let upstream = try item.stored("upstream").reshaped(output.shape)
            let gradients = output.gradients(for: leaves, upstream: upstream)
            for (name, gradient) in zip(item.names, gradients) {
                guard item.hasGradient(name) else { continue }
                try item.check(gradient, "gradient.\(name)")
            }
        }
        #expect(compared > 0, "\(operation): no case was compared")
    }

    @Test func almostAllStoredOperationsAreCompared() throws {
        let fixture = try TrainingFixture("operations")
        let all = try #require(fixture.json["operations"]?.object).members.map(\.name)
        let missing = Set(all).subtracting(StoredOperation.all.keys)
        #expect(missing == StoredOperation.withoutCounterpart)
    }
}

/// A stored case: its inputs as tracked tensors, what should come out, its settings.
struct StoredOperation {
    let name: String
    /// The inputs that are no indices.
    let names: [String]
    private let fixture: TrainingFixture
    private let attributes: JSONValue?
    private let inputs: [String: Tensor]
    private let errors: JSONValue?

    init?(_ entry: JSONValue, _ fixture: TrainingFixture) {
        guard let name = entry["name"]?.string, let inputs = entry["inputs"]?.array else {
            return nil
        }
        let integers = entry["integers"]?.array?.compactMap(\.string) ?? []
        self.name = name
        self.fixture = fixture
        attributes = entry["attributes"]
        errors = entry["float32"]
        names = inputs.compactMap(\.string).filter { !integers.contains($0) }
        var tensors: [String: Tensor] = [:]
        for input in names { tensors[input] = fixture.tensor("\(name)/\(input)")?.tracked() }
        self.inputs = tensors
    }

    /// A tracked input; the case has one of the name.
    subscript(input: String) -> Tensor { inputs[input]! }

    /// An input that some cases leave out.
    func optional(_ input: String) -> Tensor? { inputs[input] }

    /// An input of indices.
    func indices(_ input: String) -> IndexTensor { fixture.indices("\(name)/\(input)")! }

    func stored(_ part: String) throws -> Tensor {
        try #require(fixture.tensor("\(name)/\(part)"), "\(name)/\(part)")
    }

    /// Whether the gradient of an input is compared.
    ///
    /// Focal loss is defined for targets of 0 and 1, and its forms differ between them.
    func hasGradient(_ input: String) -> Bool {
        guard name != "focal/plain" || input != "targets" else { return false }
        return fixture.tensor("\(name)/gradient.\(input)") != nil
    }

    func number(_ key: String) -> Float { Float(attributes?[key]?.double ?? 0) }
    func optionalNumber(_ key: String) -> Float? { attributes?[key]?.double.map { Float($0) } }
    func integer(_ key: String) -> Int { attributes?[key]?.integer ?? 0 }
    func flag(_ key: String) -> Bool { attributes?[key]?.bool ?? false }
    func text(_ key: String) -> String { attributes?[key]?.string ?? "" }
    func list(_ key: String) -> [Int] {
        attributes?[key]?.array?.compactMap { $0.integer } ?? []
    }
    func optionalList(_ key: String) -> [Int]? {
        attributes?[key]?.array?.compactMap { $0.integer }
    }
    func pairs(_ key: String) -> [[Int]] {
        attributes?[key]?.array?.map { $0.array?.compactMap { $0.integer } ?? [] } ?? []
    }

    /// Compares a tensor with the stored one.
    ///
    /// The fixture says what float32 arithmetic cost PyTorch, over the largest magnitude: the same
    /// operations in another order cost up to some times that, and a rounding to float32 of
    /// 2⁻²⁴ is there in any case. Eight times it and 16 roundings are far below any mistake.
    func check(_ found: Tensor, _ part: String) throws {
        let expected = try stored(part)
        // A number without dimensions is stored with one.
        let shape = found.shape.isEmpty ? [1] : found.shape
        #expect(shape == expected.shape, "\(name)/\(part)")
        let largest = Double(expected.elements.map(\.magnitude).max() ?? 0)
        let error = errors?[part]?.double ?? 0
        let bound = max(8 * error, 16 * 0x1p-24) * max(largest, 1e-30)
        let problems = checkClose(
            found.elements.array, expected.elements.map { Double($0) }, within: bound,
            "\(name)/\(part)")
        #expect(problems.isEmpty, "\(problems)")
    }
}
