import HalftoneTensor

/// A part of a network: it has parameters, buffers and further modules, each under a name.
///
/// A module is an object that one thread uses at a time.
public protocol Module: Part {
    /// What it is made of. Optional parts that are absent are left out.
    var parts: Parts { get }
}

extension Module {
    /// Every parameter under its path, in the order of ``parts``; a shared one at its first place.
    public var namedParameters: [(path: String, parameter: Parameter)] {
        walk().compactMap { path, part in (part as? Parameter).map { (path, $0) } }
    }

    /// Every buffer under its path.
    public var namedBuffers: [(path: String, buffer: Buffer)] {
        walk().compactMap { path, part in (part as? Buffer).map { (path, $0) } }
    }

    /// This module under the empty path and every module in it, outer ones first.
    public var namedModules: [(path: String, module: any Module)] {
        [("", self)] + walk().compactMap { path, part in (part as? any Module).map { (path, $0) } }
    }

    /// Every parameter once.
    public var parameters: [Parameter] { namedParameters.map(\.parameter) }

    /// The number of trained and fixed numbers in all parameters.
    public var parameterCount: Int { parameters.reduce(0) { $0 + $1.value.count } }

    /// The parameter at a path, or nil.
    public func parameter(at path: String) -> Parameter? {
        namedParameters.first { $0.path == path }?.parameter
    }

    /// The module at a path, or nil.
    public func module(at path: String) -> (any Module)? {
        namedModules.first { $0.path == path }?.module
    }

    /// Every part below this module once, with its path.
    private func walk() -> [(path: String, part: any Part)] {
        var result: [(String, any Part)] = []
        var seen: Set<ObjectIdentifier> = [ObjectIdentifier(self)]
        func visit(_ module: any Module, _ prefix: String) {
            for (name, part) in module.parts.entries {
                guard seen.insert(ObjectIdentifier(part)).inserted else { continue }
                let path =
                    name.isEmpty ? prefix : prefix.isEmpty ? name : prefix + "." + name
                result.append((path, part))
                if let module = part as? any Module { visit(module, path) }
            }
        }
        visit(self, "")
        return result
    }
}

extension Module {
    /// Lets no gradient be asked for the parameters whose paths a condition holds for.
    ///
    /// - Returns: How many that were.
    @discardableResult
    public func freeze(where condition: (_ path: String) -> Bool = { _ in true }) -> Int {
        set(isTrainable: false, where: condition)
    }

    /// Lets gradients be asked for the parameters whose paths a condition holds for.
    ///
    /// - Returns: How many that were.
    @discardableResult
    public func unfreeze(where condition: (_ path: String) -> Bool = { _ in true }) -> Int {
        set(isTrainable: true, where: condition)
    }

    private func set(isTrainable: Bool, where condition: (String) -> Bool) -> Int {
        let chosen = namedParameters.filter { condition($0.path) }
        for (_, parameter) in chosen { parameter.isTrainable = isTrainable }
        return chosen.count
    }
}
