import ArgumentParser

/// An amount of memory such as 9GiB, 9216MiB or 9GB.
package struct MemoryAmount: ExpressibleByArgument {
    package let mebibytes: Int

    package init?(argument: String) {
        let units: [(String, Double)] = [
            ("GiB", 1024), ("MiB", 1), ("GB", 1e9 / 1_048_576), ("MB", 1e6 / 1_048_576), ("G", 1024), ("M", 1),
        ]
        guard let (unit, factor) = units.first(where: { argument.hasSuffix($0.0) }),
            let number = Double(argument.dropLast(unit.count)), number > 0, number < 1e9
        else { return nil }
        mebibytes = Int((number * factor).rounded(.up))
    }
}

/// A time such as 90, 90s, 5m, 2h or 1d.
package struct TimeAmount: ExpressibleByArgument {
    package let seconds: Double

    package init?(argument: String) {
        let units: [Character: Double] = ["s": 1, "m": 60, "h": 3600, "d": 86400]
        let factor = argument.last.flatMap { units[$0] }
        guard let number = Double(factor == nil ? argument : String(argument.dropLast())), number >= 0, number < 1e9
        else { return nil }
        seconds = number * (factor ?? 1)
    }
}
