/// One number for the rows and one for the columns of an image; a literal sets both.
public struct AxisPair: Sendable, Hashable, ExpressibleByIntegerLiteral {
    /// For the axis of rows.
    public var vertical: Int
    /// For the axis of columns.
    public var horizontal: Int

    /// A pair of numbers.
    public init(_ vertical: Int, _ horizontal: Int) {
        self.vertical = vertical
        self.horizontal = horizontal
    }

    /// The same number twice.
    public init(integerLiteral value: Int) { self.init(value, value) }

    /// The same number twice.
    public init(_ value: Int) { self.init(value, value) }
}

/// How much is added around an image; a literal sets all four sides.
public struct ImagePadding: Sendable, Hashable, ExpressibleByIntegerLiteral {
    /// Rows above the first.
    public var top: Int
    /// Rows below the last.
    public var bottom: Int
    /// Columns before the first.
    public var left: Int
    /// Columns after the last.
    public var right: Int

    /// Four sides.
    public init(top: Int, bottom: Int, left: Int, right: Int) {
        self.top = top
        self.bottom = bottom
        self.left = left
        self.right = right
    }

    /// The same above and below, and the same left and right.
    public init(vertical: Int, horizontal: Int) {
        self.init(top: vertical, bottom: vertical, left: horizontal, right: horizontal)
    }

    /// The same on all sides.
    public init(_ value: Int) { self.init(vertical: value, horizontal: value) }

    /// The same on all sides.
    public init(integerLiteral value: Int) { self.init(value) }
}
