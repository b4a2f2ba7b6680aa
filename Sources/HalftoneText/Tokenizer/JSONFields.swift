import HalftoneFiles

/// Typed access to the members of a JSON value, with errors that name the place.
struct JSONFields {
    /// The place of the value in its document, such as `model.vocab`.
    let path: String
    /// The value.
    let value: JSONValue

    /// The member of a name, or nil when it is absent or null.
    subscript(name: String) -> JSONFields? {
        guard let member = value[name], member != .null else { return nil }
        return JSONFields(path: path.isEmpty ? name : "\(path).\(name)", value: member)
    }

    /// The member of a name.
    func required(_ name: String) throws(TokenizerError) -> JSONFields {
        guard let member = self[name] else {
            throw .missing(field: path.isEmpty ? name : "\(path).\(name)")
        }
        return member
    }

    /// The elements of an array.
    func elements() throws(TokenizerError) -> [JSONFields] {
        guard let array = value.array else {
            throw .wrongType(field: path, expected: "an array")
        }
        return array.enumerated().map {
            JSONFields(path: "\(path)[\($0.offset)]", value: $0.element)
        }
    }

    /// The text of a string.
    func text() throws(TokenizerError) -> String {
        guard let text = value.string else {
            throw .wrongType(field: path, expected: "a string")
        }
        return text
    }

    /// The UTF-8 bytes of a string.
    func bytes() throws(TokenizerError) -> [UInt8] { Array(try text().utf8) }

    /// The value of a whole number.
    func integer() throws(TokenizerError) -> Int {
        guard let integer = value.integer else {
            throw .wrongType(field: path, expected: "a whole number")
        }
        return integer
    }

    /// The value of a truth value.
    func flag() throws(TokenizerError) -> Bool {
        guard let flag = value.bool else {
            throw .wrongType(field: path, expected: "true or false")
        }
        return flag
    }

    /// The flag of a name, or a default when it is absent.
    func flag(_ name: String, default value: Bool) throws(TokenizerError) -> Bool {
        guard let member = self[name] else { return value }
        return try member.flag()
    }

    /// The text of a name, or nil when it is absent.
    func text(_ name: String) throws(TokenizerError) -> String? {
        guard let member = self[name] else { return nil }
        return try member.text()
    }

    /// The bytes of a name, or nothing when it is absent.
    func bytes(_ name: String) throws(TokenizerError) -> [UInt8] {
        guard let member = self[name] else { return [] }
        return try member.bytes()
    }

    /// The single Unicode scalar of a string.
    func scalar() throws(TokenizerError) -> UInt32 {
        let scalars = try text().unicodeScalars
        guard let first = scalars.first, scalars.count == 1 else {
            throw .wrongType(field: path, expected: "one character")
        }
        return first.value
    }
}
