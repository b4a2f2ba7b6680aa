import Foundation

extension Run {
    /// Builds the folder under a hidden name and renames it: it appears whole or not at all.
    static func create(
        path: String, kind: String, recipe: RunRecipe, units: [String], options: RunOptions
    ) throws {
        let fileSystem = options.fileSystem
        var seen: Set<String> = []
        for unit in units where !seen.insert(unit).inserted {
            throw RunError.badUnitName(unit, reason: "there are two of that name")
        }
        let files = try units.map(RunLayout.encode)
        if let status = try fileSystem.status(path) {
            guard status.kind == .folder, try fileSystem.list(path).isEmpty else {
                throw RunError.notARun(path: path)
            }
        }
        let slash = path.utf8.lastIndex(of: UInt8(ascii: "/"))
        let folder = slash.map { String(path[..<$0]) } ?? "."
        let name = slash.map { String(path[path.utf8.index(after: $0)...]) } ?? path
        let parent = folder.isEmpty ? "/" : folder
        try createFolders(parent, fileSystem)
        try removeLeftovers(of: name, in: parent, fileSystem)

        let partial = "\(parent)/.\(name).\(options.owner).partial"
        Interruption.addTemporary(partial)
        defer { Interruption.removeTemporary(partial) }
        do {
            try fileSystem.createFolder(partial)
            for folder in RunLayout.folders { try fileSystem.createFolder(partial + "/" + folder) }
            for file in files {
                try fileSystem.createFolder("\(partial)/\(RunLayout.pending)/\(file)")
            }
            let recipeFile = recipe.isJSON ? "recipe.json" : "recipe.txt"
            try AtomicFile.write(
                recipe.bytes, to: partial + "/" + recipeFile, fileSystem: fileSystem)
            let manifest = RunManifest(
                format: RunManifest.knownFormat, kind: kind, recipeFile: recipeFile,
                recipeDigest: recipe.digest, units: units)
            try AtomicFile.write(
                RunJSON.encode(manifest), to: partial + "/" + RunLayout.manifest,
                fileSystem: fileSystem)
            for folder in RunLayout.folders.reversed() {
                try fileSystem.synchronizeFolder(partial + "/" + folder)
            }
            try fileSystem.synchronizeFolder(partial)
            try fileSystem.rename(partial, to: path)
        } catch {
            try? fileSystem.remove(partial)
            // Another worker that started at the same time was first: its run is the run.
            if try fileSystem.status(path + "/" + RunLayout.manifest) != nil { return }
            throw error
        }
        try fileSystem.synchronizeFolder(parent)
    }

    private static func createFolders(
        _ path: String, _ fileSystem: any RunFileSystem
    ) throws {
        guard try fileSystem.status(path) == nil else { return }
        if let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")), slash > path.startIndex {
            try createFolders(String(path[..<slash]), fileSystem)
        }
        do {
            try fileSystem.createFolder(path)
        } catch {
            guard try fileSystem.status(path)?.kind == .folder else { throw error }
        }
    }

    /// Removes what processes of this machine left that died while they created the run.
    private static func removeLeftovers(
        of name: String, in folder: String, _ fileSystem: any RunFileSystem
    ) throws {
        let (prefix, suffix) = (".\(name).", ".partial")
        for entry in try fileSystem.list(folder)
        where entry.hasPrefix(prefix) && entry.hasSuffix(suffix) {
            let middle = entry.dropFirst(prefix.count).dropLast(suffix.count)
            guard let owner = RunOwner(middle), owner.isKnownDead else { continue }
            try fileSystem.remove(folder + "/" + entry)
        }
    }
}
