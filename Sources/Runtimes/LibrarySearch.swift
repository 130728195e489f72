import Platform

/// Finds a shared library as the dynamic loader would, without loading anything.
struct LibrarySearch {
    /// Where it was found, in the words of a sentence.
    struct Found: Hashable {
        let path: String
        let how: String
    }

    let environment: [String: String]
    var cachePath = LoaderCache.usualPath
    /// Files of that name that the loader passes over, and why.
    private(set) var passedOver: [String] = []

    init(environment: [String: String]) { self.environment = environment }

    /// The file that a name leads to.
    ///
    /// - Parameter requester: the program or library that asks for it: its own directories count first.
    mutating func find(_ name: String, for requester: ELFFile?) -> Found? {
        passedOver = []
        var places: [(directory: String, how: String)] = []
        func add(_ directories: [String], _ how: String) {
            places += directories.map { (Self.expand($0, requester), how) }
        }
        if let requester, requester.runpath.isEmpty { add(requester.rpath, "the RPATH of \(requester.path)") }
        add(
            (environment["LD_LIBRARY_PATH"] ?? "").split { $0 == ":" || $0 == ";" }.map(String.init),
            "LD_LIBRARY_PATH")
        if let requester { add(requester.runpath, "the RUNPATH of \(requester.path)") }
        for place in places {
            if let path = take("\(place.directory)/\(name)") { return Found(path: path, how: place.how) }
        }
        for candidate in LoaderCache(path: cachePath).paths(of: name) {
            if let path = take(candidate) { return Found(path: path, how: "ldconfig's index") }
        }
        for directory in ["/lib64", "/usr/lib64", "/lib", "/usr/lib"] {
            if let path = take("\(directory)/\(name)") { return Found(path: path, how: directory) }
        }
        return nil
    }

    /// The loader goes on past what is for another processor; what is no library at all stops it.
    private mutating func take(_ path: String) -> String? {
        guard Files.exists(path) else { return nil }
        do throws(ELFFile.Problem) {
            let file = try ELFFile(path: path)
            if file.isForThisMachine { return path }
            passedOver.append("\(path) is for \(file.machine)")
            return nil
        } catch {
            return path
        }
    }

    private static func expand(_ directory: String, _ requester: ELFFile?) -> String {
        guard let requester, directory.contains("ORIGIN") else { return directory }
        let real = (try? Files.absolute(requester.path)) ?? requester.path
        let origin = String(real[..<(real.lastIndex(of: "/") ?? real.startIndex)])
        return directory.replacing("${ORIGIN}", with: origin).replacing("$ORIGIN", with: origin)
    }
}
