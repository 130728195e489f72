import Glibc

extension BenchmarkReport {
    /// A picture of the times over the sizes, both logarithmic: one panel for every block of the table, as SVG that
    /// needs nothing else.
    public var plot: String {
        let panels = blocks.filter { block in block.rows.contains { $0.medianNanoseconds != nil && $0.bytes > 0 } }
        let columns = panels.count > 1 ? 2 : 1
        let lines = (panels.count + columns - 1) / columns
        let width = columns * Panel.width
        let height = 30 + max(1, lines) * Panel.height
        var svg = """
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(width) \(height)" width="\(width)" \
            height="\(height)" font-family="sans-serif" font-size="12">
            <rect width="100%" height="100%" fill="white"/>
            <text x="10" y="20" fill="#444">\(Self.escaped(machine.summary))</text>

            """
        let names = contenders.map(\.name)
        for (index, block) in panels.enumerated() {
            let (x, y) = (index % columns * Panel.width, 30 + index / columns * Panel.height)
            svg += "<g transform=\"translate(\(x),\(y))\">\n\(Panel(block, names: names).svg)</g>\n"
        }
        return svg + "</svg>\n"
    }

    package static func escaped(_ text: String) -> String {
        text.map { character in
            switch character {
            case "&": "&amp;"
            case "<": "&lt;"
            case ">": "&gt;"
            case "\"": "&quot;"
            default: String(character)
            }
        }.joined()
    }

    /// One diagram with its axes, curves and legend.
    private struct Panel {
        static let width = 620
        static let height = 400
        private static let (left, right, top, bottom) = (70.0, 440.0, 40.0, 350.0)
        /// Colours that are told apart by the colour-blind as well (Okabe and Ito), ours first.
        private static let colours = [
            "#999999", "#d55e00", "#0072b2", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#b8a800",
            "#7a4fbf",
        ]

        private let block: Block
        private let names: [String]
        private let points: [Row]
        private let sizes: ClosedRange<Double>
        private let times: ClosedRange<Double>

        init(_ block: Block, names: [String]) {
            self.block = block
            self.names = names
            points = block.rows.filter { $0.bytes > 0 && ($0.medianNanoseconds ?? 0) > 0 }
            let logs = points.map { log2(Double($0.bytes)) }
            sizes = (logs.min() ?? 0)...max((logs.max() ?? 1), (logs.min() ?? 0) + 1)
            let decades = points.map { log10(($0.medianNanoseconds ?? 1) / 1000) }
            let lowest = (decades.min() ?? 0).rounded(.down)
            times = lowest...max((decades.max() ?? 1).rounded(.up), lowest + 1)
        }

        private func x(_ bytes: Int) -> Double {
            let part = (log2(Double(bytes)) - sizes.lowerBound) / (sizes.upperBound - sizes.lowerBound)
            return Self.left + part * (Self.right - Self.left)
        }

        private func y(_ microseconds: Double) -> Double {
            let part = (log10(microseconds) - times.lowerBound) / (times.upperBound - times.lowerBound)
            return Self.bottom - part * (Self.bottom - Self.top)
        }

        private func n(_ value: Double) -> String { FixedPoint.text(value, digits: 1) }

        var svg: String { axes + curves }

        private func line(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, _ style: String) -> String {
            "<line x1=\"\(n(x1))\" y1=\"\(n(y1))\" x2=\"\(n(x2))\" y2=\"\(n(y2))\" \(style)/>\n"
        }

        private func label(_ text: String, _ x: Double, _ y: Double, _ style: String = "") -> String {
            "<text x=\"\(n(x))\" y=\"\(n(y))\" \(style)>\(BenchmarkReport.escaped(text))</text>\n"
        }

        private var axes: String {
            var svg = label(block.title, Self.left, 22, "font-weight=\"bold\"")
            for decade in Int(times.lowerBound)...Int(times.upperBound) {
                let value = pow(10, Double(decade))
                svg += line(Self.left, y(value), Self.right, y(value), "stroke=\"#ddd\"")
                let text = FixedPoint.text(value, digits: max(0, -decade))
                svg += label("\(text) us", Self.left - 6, y(value) + 4, "text-anchor=\"end\"")
            }
            var labelled = -100.0
            for bytes in Set(points.map(\.bytes)).sorted() {
                svg += line(x(bytes), Self.top, x(bytes), Self.bottom, "stroke=\"#eee\"")
                if x(bytes) - labelled > 36 {
                    svg += label(SizeList.text(bytes), x(bytes), Self.bottom + 18, "text-anchor=\"middle\"")
                    labelled = x(bytes)
                }
            }
            let meaning = "bytes of the larger buffer of a rank; median time of the slowest rank"
            return svg
                + label(meaning, (Self.left + Self.right) / 2, Self.bottom + 38, "text-anchor=\"middle\" fill=\"#444\"")
        }

        private var curves: String {
            var svg = ""
            var place = Self.top + 10
            for (index, name) in names.enumerated() {
                let own = points.filter { $0.contender == name }.sorted { $0.bytes < $1.bytes }
                if own.isEmpty { continue }
                let dots = own.map { (x: x($0.bytes), y: y(($0.medianNanoseconds ?? 1) / 1000)) }
                let colour = Self.colours[index % Self.colours.count]
                let dash = name == Contender.copy.name ? " stroke-dasharray=\"5 4\"" : ""
                let stroke = "stroke=\"\(colour)\" stroke-width=\"2\"\(dash)"
                let path = dots.map { "\(n($0.x)),\(n($0.y))" }.joined(separator: " ")
                svg += "<polyline points=\"\(path)\" fill=\"none\" \(stroke)/>\n"
                for dot in dots {
                    svg += "<circle cx=\"\(n(dot.x))\" cy=\"\(n(dot.y))\" r=\"3\" fill=\"\(colour)\"/>\n"
                }
                svg += line(Self.right + 15, place, Self.right + 40, place, stroke)
                svg += label(name, Self.right + 46, place + 4)
                place += 20
            }
            return svg
        }
    }
}
