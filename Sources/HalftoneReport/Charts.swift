/// A point of a series.
public struct ChartPoint: Sendable, Equatable {
    /// Where it lies along the horizontal axis.
    public var x: Double
    /// Where it lies along the vertical axis.
    public var y: Double
    /// Its name, written beside it if there is room.
    public var label: String?

    /// States a point.
    public init(x: Double, y: Double, label: String? = nil) {
        self.x = x
        self.y = y
        self.label = label
    }
}

/// Points that belong together.
public struct ChartSeries: Sendable, Equatable {
    /// How points are drawn.
    public enum Style: Sendable, Equatable {
        /// Joined in their order; not across a value that is not finite.
        case line
        /// Each for itself.
        case points
        /// Both.
        case lineWithPoints
    }

    /// Its name.
    public var name: String
    /// Its points; those with a value that is not finite are left out.
    public var points: [ChartPoint]
    /// How they are drawn.
    public var style: Style

    /// States a series.
    public init(_ name: String, points: [ChartPoint], style: Style = .line) {
        self.name = name
        self.points = points
        self.style = style
    }
}

/// Lines and points over two axes.
public struct XYChart: Sendable, Equatable {
    /// What it shows, in a few words.
    public var title: String
    /// A line below the title: data, conditions, units.
    public var note: String
    /// The horizontal axis.
    public var x: Axis
    /// The vertical axis.
    public var y: Axis
    /// What is drawn, the last on top.
    public var series: [ChartSeries]

    /// States a chart.
    public init(_ title: String, note: String = "", x: Axis, y: Axis, series: [ChartSeries]) {
        self.title = title
        self.note = note
        self.x = x
        self.y = y
        self.series = series
    }
}

/// Lengths of bars, side by side for several series.
public struct BarChart: Sendable, Equatable {
    /// A value for each category.
    public struct Series: Sendable, Equatable {
        /// Its name.
        public var name: String
        /// A value for each category in their order; one that is missing or not finite is no bar.
        public var values: [Double]

        /// States a series.
        public init(_ name: String, values: [Double]) {
            self.name = name
            self.values = values
        }
    }

    /// What it shows, in a few words.
    public var title: String
    /// A line below the title.
    public var note: String
    /// What bars stand for, from top to bottom.
    public var categories: [String]
    /// The axis of lengths; bars start at zero, or at the lower end when it is logarithmic.
    public var axis: Axis
    /// Bars of one colour each.
    public var series: [Series]

    /// States a chart.
    public init(
        _ title: String, note: String = "", categories: [String], axis: Axis, series: [Series]
    ) {
        self.title = title
        self.note = note
        self.categories = categories
        self.axis = axis
        self.series = series
    }
}

/// Values in a grid, as colours.
public struct HeatMap: Sendable, Equatable {
    /// What it shows, in a few words.
    public var title: String
    /// A line below the title.
    public var note: String
    /// Names of the rows, from top to bottom.
    public var rows: [String]
    /// Names of the columns, from left to right.
    public var columns: [String]
    /// `[rows][columns]`; what is missing or not finite stays empty.
    public var values: [[Double]]
    /// What the values are, with their unit, and how they become colours.
    public var scale: Axis

    /// States a map.
    public init(
        _ title: String, note: String = "", rows: [String], columns: [String], values: [[Double]],
        scale: Axis
    ) {
        self.title = title
        self.note = note
        self.rows = rows
        self.columns = columns
        self.values = values
        self.scale = scale
    }
}

/// A chart of any kind.
public enum Figure: Sendable, Equatable {
    /// Lines and points.
    case xy(XYChart)
    /// Bars.
    case bars(BarChart)
    /// A heat map.
    case heatMap(HeatMap)

    /// The figure as an SVG document.
    ///
    /// - Parameters:
    ///   - theme: Its colours.
    ///   - width: In pixels, at least 320.
    /// - Complexity: O(number of points); lines are thinned to what can be seen.
    public func svg(theme: Theme = .light, width: Double = 720) -> String {
        drawing(theme: theme, width: max(320, width)).document(id: "figure")
    }

    func drawing(theme: Theme, width: Double) -> FigureDrawing {
        switch self {
        case .xy(let chart): chart.drawing(theme: theme, width: width)
        case .bars(let chart): chart.drawing(theme: theme, width: width)
        case .heatMap(let map): map.drawing(theme: theme, width: width)
        }
    }
}
