import ArgumentParser

/// An amount of memory such as 9GiB, 9216MiB or 9GB.
package struct MemoryAmount: ExpressibleByArgument {
    package let mebibytes: Int

    package init?(argument: String) {
        let units: [(String, Double)] = [
            ("gib", 1024), ("mib", 1), ("gb", 1e9 / 1_048_576), ("mb", 1e6 / 1_048_576), ("gi", 1024), ("mi", 1),
            ("g", 1024), ("m", 1),
        ]
        let lowered = argument.lowercased()
        guard let (unit, factor) = units.first(where: { lowered.hasSuffix($0.0) }),
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
