import HalftoneRuns
import Synchronization
import Testing

/// A clock that is set by hand and a destination that remembers.
private final class Recorder: Sendable {
    let time = Mutex(100.0)
    let lines = Mutex<[String]>([])

    var printed: [String] { lines.withLock { $0 } }
    func advance(_ seconds: Double) { time.withLock { $0 += seconds } }

    func output(isTerminal: Bool) -> RunProgress.Output {
        .init(isTerminal: isTerminal) { text in self.lines.withLock { $0.append(text) } }
    }
    func progress(isTerminal: Bool, total: Int?) -> RunProgress {
        RunProgress(
            "Reading", total: total, unit: "tensors", output: output(isTerminal: isTerminal),
            clock: { self.time.withLock { $0 } })
    }
}

struct RunProgressTests {
    @Test func quickWorkIsQuiet() {
        let recorder = Recorder()
        let progress = recorder.progress(isTerminal: true, total: 10)
        recorder.advance(1.9)
        progress.advance(by: 9)
        progress.finish()
        #expect(recorder.printed == [])
        #expect(progress.completed == 9)
    }

    @Test func saysShareRateAndWhatIsLeft() {
        let recorder = Recorder()
        let progress = recorder.progress(isTerminal: false, total: 200)
        recorder.advance(4)
        progress.advance(by: 50, note: "layer 3")
        // 50 in 4 s are 12.5 a second; 150 more take 12 s.
        #expect(
            recorder.printed == [
                "Reading: 25 % (50 of 200 tensors), 12 tensors/s, 12 s left, layer 3\n"
            ])
    }

    @Test func whatWasDoneBeforeDoesNotCountForTheRate() {
        let recorder = Recorder()
        let progress = RunProgress(
            "Comparing", total: 100, unit: "methods", alreadyCompleted: 60,
            output: recorder.output(isTerminal: false), clock: { recorder.time.withLock { $0 } })
        recorder.advance(10)
        progress.update(completed: 65)
        // 5 in 10 s are one in 2 s; the other 35 take 70 s.
        #expect(
            recorder.printed == [
                "Comparing: 65 % (65 of 100 methods), 0.5 methods/s, 1 min 10 s left\n"
            ])
    }

    @Test func rewritesOneLineOnATerminalAtMostFiveTimesASecond() {
        let recorder = Recorder()
        let progress = recorder.progress(isTerminal: true, total: 10_000)
        recorder.advance(2)
        for _ in 0..<1000 {
            progress.advance()
            recorder.advance(0.01)
        }
        // 10 seconds at 5 lines a second; rounding of the sums may lose one.
        #expect((48...51).contains(recorder.printed.count), "\(recorder.printed.count) lines")
        #expect(recorder.printed.allSatisfy { $0.hasPrefix("\r") && !$0.contains("\n") })
        progress.finish()
        #expect(recorder.printed.last?.hasSuffix(" \r") == true)
        let count = recorder.printed.count
        progress.advance()
        #expect(recorder.printed.count == count)
    }

    @Test func isSparseElsewhere() {
        let recorder = Recorder()
        let progress = recorder.progress(isTerminal: false, total: nil)
        for _ in 0..<600 {
            progress.advance()
            recorder.advance(0.1)
        }
        #expect((5...7).contains(recorder.printed.count))
        progress.finish()
        #expect(recorder.printed.last == "Reading: done in 1 min 00 s\n")
    }

    @Test func silentOutputPrintsNothing() {
        let progress = RunProgress("Reading", total: 3, output: .silent, clock: { 0 })
        progress.update(completed: 2)
        #expect(progress.completed == 2)
    }

    @Test(arguments: [
        (8.4, "8 s"), (59.6, "1 min 00 s"), (125, "2 min 05 s"), (11_220, "3 h 07 min"),
    ])
    func spansOfTime(seconds: Double, expected: String) {
        #expect(RunProgress.duration(seconds) == expected)
        #expect(RunProgress.duration(.infinity) == "a long time")
    }
}
