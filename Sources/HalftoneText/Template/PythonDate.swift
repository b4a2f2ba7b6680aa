import Foundation

/// Python's `strftime` in English.
enum PythonDate {
    private static let months = [
        "January", "February", "March", "April", "May", "June", "July", "August", "September",
        "October", "November", "December",
    ]
    private static let weekdays = [
        "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday",
    ]

    /// A date in a format of percent fields; a field that is not known stays as it is.
    static func text(of date: Date, format: String, timeZone: TimeZone) -> String {
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = timeZone
        let parts = calendar.dateComponents(
            [.year, .month, .day, .hour, .minute, .second, .weekday, .nanosecond], from: date)
        let dayOfYear = calendar.ordinality(of: .day, in: .year, for: date) ?? 1
        var result = ""
        var scalars = Array(format.unicodeScalars)[...]
        while let scalar = scalars.popFirst() {
            guard scalar == "%", var field = scalars.popFirst() else {
                result.unicodeScalars.append(scalar)
                continue
            }
            let isPlain = field == "-"
            if isPlain, let next = scalars.popFirst() { field = next }
            result += text(field, isPlain: isPlain, parts, dayOfYear: dayOfYear)
        }
        return result
    }

    private static func text(
        _ field: Unicode.Scalar, isPlain: Bool, _ parts: DateComponents, dayOfYear: Int
    ) -> String {
        let year = parts.year ?? 1970
        let month = parts.month ?? 1
        let day = parts.day ?? 1
        let hour = parts.hour ?? 0
        let minute = parts.minute ?? 0
        let second = parts.second ?? 0
        let weekday = (parts.weekday ?? 1) - 1
        func padded(_ value: Int, _ width: Int = 2, with fill: String = "0") -> String {
            let digits = String(value)
            if isPlain || digits.count >= width { return digits }
            return String(repeating: fill, count: width - digits.count) + digits
        }
        let halfHour = hour % 12 == 0 ? 12 : hour % 12
        switch field {
        case "Y": return String(year)
        case "y": return padded(year % 100)
        case "C": return padded(year / 100)
        case "m": return padded(month)
        case "d": return padded(day)
        case "e": return padded(day, with: " ")
        case "H": return padded(hour)
        case "I": return padded(halfHour)
        case "M": return padded(minute)
        case "S": return padded(second)
        case "f": return padded((parts.nanosecond ?? 0) / 1000, 6)
        case "j": return padded(dayOfYear, 3)
        case "p": return hour < 12 ? "AM" : "PM"
        case "B": return months[month - 1]
        case "b", "h": return String(months[month - 1].prefix(3))
        case "A": return weekdays[weekday]
        case "a": return String(weekdays[weekday].prefix(3))
        case "w": return String(weekday)
        case "u": return String(weekday == 0 ? 7 : weekday)
        case "F": return "\(year)-\(padded(month))-\(padded(day))"
        case "T", "X": return "\(padded(hour)):\(padded(minute)):\(padded(second))"
        case "R": return "\(padded(hour)):\(padded(minute))"
        case "D", "x": return "\(padded(month))/\(padded(day))/\(padded(year % 100))"
        case "c":
            return "\(weekdays[weekday].prefix(3)) \(months[month - 1].prefix(3)) "
                + "\(padded(day, with: " ")) \(padded(hour)):\(padded(minute)):\(padded(second)) \(year)"
        case "z", "Z": return ""
        case "n": return "\n"
        case "t": return "\t"
        case "%": return "%"
        default: return "%" + (isPlain ? "-" : "") + String(field)
        }
    }
}
