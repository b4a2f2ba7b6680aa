/// A model on the hub: `owner/name` or `owner/name@revision`.
public struct HubReference: Sendable, Equatable, CustomStringConvertible {
    /// `owner/name`.
    public let repository: String
    /// A branch, a tag or a commit.
    public let revision: String

    /// Reads a reference.
    ///
    /// - Throws: ``HubError/badReference(_:)``.
    public init(_ text: String) throws(HubError) {
        let halves = text.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
        let parts = halves[0].split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, parts.allSatisfy({ HubNames.isRepositoryPart(String($0)) }) else {
            throw .badReference(text)
        }
        let revision = halves.count > 1 ? String(halves[1]) : "main"
        guard HubNames.isSafePath(revision) else { throw .badReference(text) }
        repository = String(halves[0])
        self.revision = revision
    }

    /// The reference as it is written.
    public var description: String {
        revision == "main" ? repository : repository + "@" + revision
    }

    /// The folder of the repository in the cache.
    var cacheFolder: String {
        "models--" + repository.split(separator: "/").joined(separator: "--")
    }
}

/// Which names from outside may become names of files.
enum HubNames {
    /// Whether a text is the owner or name of a repository.
    static func isRepositoryPart(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.count <= 96 && isToken(text) && !text.hasPrefix("-")
            && !text.hasPrefix(".") && !text.hasSuffix(".") && !text.contains("..")
            && !text.contains("--")
    }

    /// Whether a text is a relative path that stays below the folder it is put in.
    static func isSafePath(_ text: String) -> Bool {
        guard !text.isEmpty, text.utf8.count <= 1024 else { return false }
        let isPrintable = text.unicodeScalars.allSatisfy {
            $0.value >= 0x20 && $0.value != 0x7F && $0 != "\\" && $0 != ":"
        }
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        return isPrintable
            && parts.allSatisfy {
                !$0.isEmpty && $0 != "." && $0 != ".." && $0.utf8.count <= 255
            }
    }

    /// Whether a text can name a stored blob: the entity tag of a file.
    static func isBlobName(_ text: String) -> Bool {
        (8...128).contains(text.utf8.count) && isToken(text) && !text.hasPrefix(".")
    }

    /// Whether a text is the hexadecimal name of a commit.
    static func isCommit(_ text: String) -> Bool {
        (7...64).contains(text.utf8.count) && text.utf8.allSatisfy(isLowercaseHexDigit)
    }

    /// Whether a text is a checksum of a number of hexadecimal digits.
    static func isChecksum(_ text: String, digits: Int) -> Bool {
        text.utf8.count == digits && text.utf8.allSatisfy(isLowercaseHexDigit)
    }

    private static func isLowercaseHexDigit(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte)
    }

    private static func isToken(_ text: String) -> Bool {
        text.utf8.allSatisfy {
            (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0)
                || $0 == 0x2D || $0 == 0x2E || $0 == 0x5F
        }
    }
}
