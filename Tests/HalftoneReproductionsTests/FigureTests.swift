import HalftoneReproductions
import Testing

/// What figures say of their noise, and verdicts of figures.
@Suite struct FigureTests {
    @Test func meanAndDeviationAreThoseOfASample() {
        let figure = Figure("x", [1, 2, 6], unit: "")
        #expect(figure.mean == 3)
        // Squares 4, 1 and 9 over n − 1 = 2.
        #expect(figure.deviation == 7.0.squareRoot())
        #expect(figure.text == "3.000 ± 2.646")
        #expect(Figure("x", [0.25], unit: "", digits: 2).text == "0.25")
        #expect(Figure("x", [0.25], unit: "").deviation == 0)
    }

    @Test func aLeadIsTheLowerEndOfThePairedInterval() {
        let low = Figure("low", [10, 20, 30], unit: "")
        let high = Figure("high", [11, 22, 33], unit: "")
        // Differences 1, 2, 3: mean 2, deviation 1, t = 2.920 with two degrees of freedom.
        #expect(abs(high.lead(over: low) - (2 - 2.920 / 3.0.squareRoot())) < 1e-12)
        #expect(low.lead(over: high) < -2)
        #expect(Figure("x", [1], unit: "").lead(over: Figure("y", [0], unit: "")) == -.infinity)
        // Two seeds know little: differences 1 and 2, mean 1.5, deviation 1/√2, t = 6.314.
        let pair = Figure("x", [1, 2], unit: "").lead(over: Figure("y", [0, 0], unit: ""))
        #expect(abs(pair - (1.5 - 6.314 / 2)) < 1e-12)
    }

    private func result(holds: Bool, guarded: Bool? = nil, unconfirmed: String? = nil) -> Verdict {
        let figure = Figure("x", [1], unit: "")
        let guards = guarded.map { [Guard("it fits", measured: figure, isMet: $0)] } ?? []
        return ClaimResult(
            "claim", measured: figure, criterion: "x is 1", holds: holds, guards: guards,
            unconfirmed: unconfirmed
        ).verdict
    }

    @Test func aGuardThatIsNotMetDecidesFirst() {
        #expect(result(holds: true) == .pass)
        #expect(result(holds: false) == .fail)
        #expect(result(holds: false, unconfirmed: "too small") == .notConfirmed)
        #expect(result(holds: true, unconfirmed: "too small") == .pass)
        #expect(result(holds: true, guarded: true) == .pass)
        #expect(result(holds: true, guarded: false) == .void)
        #expect(result(holds: false, guarded: false, unconfirmed: "too small") == .void)
        #expect(Verdict.worst(of: [.pass, .notConfirmed]) == .notConfirmed)
        #expect(Verdict.worst(of: [.void, .fail, .pass]) == .fail)
        #expect(Verdict.worst(of: []) == .pass)
        #expect(Verdict.allCases.filter(\.isError) == [.void, .fail])
    }
}
