/// The colours of a chart or a page.
///
/// The series are the colours of Okabe and Ito ("Color Universal Design", 2008), which people with
/// any common kind of colour blindness tell apart, darkened or lightened where they would not
/// stand out from the paper.
public struct Theme: Sendable, Equatable {
    /// The paper.
    public var surface: String
    /// Titles and values.
    public var ink: String
    /// Axis labels and notes.
    public var muted: String
    /// Lines of the grid.
    public var grid: String
    /// One for each series, used in turn.
    public var series: [String]
    /// The ends and the middle of a scale of colours: least, middle, most, as `#rrggbb`.
    public var ramp: [String]

    /// Dark on light.
    public static let light = Theme(
        surface: "#ffffff", ink: "#1b1d22", muted: "#5c6370", grid: "#e3e6ea",
        series: ["#0072b2", "#d55e00", "#00875f", "#b4558f", "#9a6700", "#3d9bd1", "#6b7079"],
        ramp: ["#f1f6fa", "#5fa8d3", "#083d6b"])

    /// Light on dark.
    public static let dark = Theme(
        surface: "#15181d", ink: "#eceff3", muted: "#a3abb8", grid: "#2c323b",
        series: ["#56b4e9", "#ff8a4c", "#2cc79b", "#e69cc6", "#f0c93c", "#8fa8ff", "#a9b0bb"],
        ramp: ["#1b2733", "#2f7fb0", "#d3ecfb"])

    /// Names of the colours that a page defines for both.
    static let page = Theme(
        surface: "var(--surface)", ink: "var(--ink)", muted: "var(--muted)", grid: "var(--grid)",
        series: (0..<light.series.count).map { "var(--series-\($0))" }, ramp: light.ramp)

    /// The declarations that ``page`` refers to.
    var declarations: String {
        let names = [("surface", surface), ("ink", ink), ("muted", muted), ("grid", grid)]
        let all = names + series.enumerated().map { ("series-\($0.offset)", $0.element) }
        return all.map { "--\($0.0):\($0.1)" }.joined(separator: ";")
    }

    func color(_ index: Int) -> String { series[index % series.count] }

    /// The colour of a share from 0 to 1, and whether light text stands out on it.
    func rampColor(_ share: Double) -> (color: String, isDark: Bool) {
        let place = min(1, max(0, share)) * Double(ramp.count - 1)
        let index = min(ramp.count - 2, Int(place))
        let (from, to) = (Self.channels(ramp[index]), Self.channels(ramp[index + 1]))
        let mixed = zip(from, to).map { $0 + ($1 - $0) * (place - Double(index)) }
        let hex = mixed.map { channel in
            let digits = String(Int(channel.rounded()), radix: 16)
            return digits.count < 2 ? "0" + digits : digits
        }
        // Luma of ITU-R BT.601.
        let luma = 0.299 * mixed[0] + 0.587 * mixed[1] + 0.114 * mixed[2]
        return ("#" + hex.joined(), luma < 140)
    }

    private static func channels(_ color: String) -> [Double] {
        let value = Int(color.dropFirst(), radix: 16) ?? 0
        return [16, 8, 0].map { Double(value >> $0 & 255) }
    }
}
