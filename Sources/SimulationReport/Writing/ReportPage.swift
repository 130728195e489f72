extension ReportContent {
    /// One page with everything in it, for a browser without a network.
    public var page: String {
        var page = """
            <!doctype html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <title>\(Self.escaped(title))</title>
            <style>\(Self.style)</style>
            </head>
            <body>
            <header>
            <h1>\(Self.escaped(title))</h1>
            <p>\(Self.escaped(cluster)): \(gpus) GPUs, \(slices) compute slices. Simulated: nothing here was measured on MIG hardware.</p>
            <pre class="command">\(Self.escaped(command))</pre>
            </header>
            <main>

            """
        page += tables()
        page += """
            <section>
            <h2>Over time</h2>
            <p>Of seed \(metrics.first.map { "\($0.seed)" } ?? "-"). <label>Queue <select id="queue"></select></label></p>
            <div class="legend" id="legend"></div>
            <div class="charts">
            <figure><figcaption>Utilisation: slices that jobs asked for and hold, % of the cluster</figcaption><canvas id="utilisation"></canvas></figure>
            <figure><figcaption>Jobs waiting</figcaption><canvas id="queued"></canvas></figure>
            <figure><figcaption>External fragmentation: free slices of no use, % of the cluster</figcaption><canvas id="external"></canvas></figure>
            <figure><figcaption>Internal fragmentation: slices held beyond what was asked for, % of the cluster</figcaption><canvas id="internal"></canvas></figure>
            <figure><figcaption>Jobs completed within, % (JCT)</figcaption><canvas id="completion"></canvas></figure>
            <figure><figcaption>Jobs started within, % (queueing delay)</figcaption><canvas id="queueing"></canvas></figure>
            </div>
            </section>
            <section>
            <h2>Who held which leaves</h2>
            <p><label>Run <select id="run"></select></label> <span id="ganttnote"></span></p>
            <p class="hint">A row for each memory slice, GPUs from the top. Turn the wheel to zoom into time, with Shift into GPUs; drag to move; double-click to see all.</p>
            <canvas id="gantt"></canvas>
            <p id="pointed" class="hint">&nbsp;</p>
            </section>

            """
        page += provenance()
        page += "</main>\n<script>\nconst report = "
        page += JSONValue.object([
            ("slices", .int(slices)), ("gpus", .int(gpus)), ("runs", .array(pictures.map(\.json))),
        ]).written()
        page += ";\n\(Self.script)\(Self.ganttScript)</script>\n</body>\n</html>\n"
        return page
    }

    private func tables() -> String {
        let summaries = Summary.all(of: metrics)
        var text = "<section>\n<h2>Results</h2>\n"
        let seeds = Set(metrics.map(\.seed)).count
        text +=
            seeds > 1
            ? "<p>Means over \(seeds) seeds, &plusmn; half of the 95 % confidence interval.</p>\n"
            : "<p>One seed: no confidence intervals.</p>\n"
        var queues: [String] = []
        for summary in summaries where !queues.contains(summary.queue) { queues.append(summary.queue) }
        for queue in queues {
            text += "<h3>Queue: \(Self.escaped(queue))</h3>\n<div class=\"wide\"><table>\n<thead><tr><th>model</th>"
            for column in MetricColumn.all {
                let unit = column.unit.isEmpty ? "" : "<br><small>\(column.unit)</small>"
                text += "<th>\(column.name.split(separator: "_").joined(separator: " "))\(unit)</th>"
            }
            text += "</tr></thead>\n<tbody>\n"
            for summary in summaries where summary.queue == queue {
                let mark = summary.isUnattainable ? " <em>(unattainable)</em>" : ""
                text += "<tr><th>\(Self.escaped(summary.model))\(mark)</th>"
                for column in MetricColumn.all {
                    guard column.isCount || !summary.isEmpty else {
                        text += "<td>-</td>"
                        continue
                    }
                    let interval = summary.interval(column.value)
                    text += "<td>\(decimal(interval.mean, column.digits))"
                    if let half = interval.half {
                        text += "<small>&nbsp;&plusmn;&nbsp;\(decimal(half, column.digits))</small>"
                    }
                    text += "</td>"
                }
                text += "</tr>\n"
            }
            text += "</tbody></table></div>\n"
        }
        return text + Self.list(summaries.flatMap(\.notes) + summaries.flatMap(\.refusals)) + "</section>\n"
    }

    private func provenance() -> String {
        var text = "<section>\n<h2>Parameters</h2>\n<div class=\"wide\"><table class=\"words\">\n"
        text += "<thead><tr><th>what</th><th>value</th><th>from</th></tr></thead>\n<tbody>\n"
        for parameter in parameters {
            text += "<tr><th>\(Self.escaped(parameter.name))</th><td>\(Self.escaped(parameter.value))</td>"
            text += "<td>\(Self.escaped(parameter.source))</td></tr>\n"
        }
        text += "</tbody></table></div>\n<h2>Assumptions</h2>\n\(Self.list(assumptions))"
        text += "<h2>The trace</h2>\n\(Self.list(account))"
        return text
            + "<p class=\"hint\">flexmig \(Self.escaped(version)). The same command gives the same bytes.</p>\n</section>\n"
    }

    private static func list(_ lines: [String]) -> String {
        lines.isEmpty ? "" : "<ul>\n" + lines.map { "<li>\(escaped($0))</li>\n" }.joined() + "</ul>\n"
    }

    static func escaped(_ text: String) -> String {
        var result = ""
        for character in text {
            switch character {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            default: result.append(character)
            }
        }
        return result
    }

    private static let style = """

        :root { color-scheme: light dark; --line: #8884; --soft: #8882; }
        body { font: 15px/1.5 system-ui, sans-serif; margin: 0 auto; padding: 1rem 1.5rem 4rem; max-width: 90rem; }
        h1 { font-size: 1.6rem; margin: .5rem 0; } h2 { margin: 2rem 0 .5rem; font-size: 1.25rem; }
        pre.command { background: var(--soft); padding: .6rem .8rem; white-space: pre-wrap; overflow-wrap: anywhere; }
        .wide { overflow-x: auto; }
        table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
        th, td { padding: .2rem .6rem; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap; vertical-align: bottom; }
        tbody th, table.words th, table.words td { text-align: left; } table.words td { white-space: normal; }
        tbody th, thead th:first-child { position: sticky; left: 0; background: Canvas; }
        tbody th { font-weight: 600; } td small, th small { opacity: .65; font-weight: 400; }
        .charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(26rem, 1fr)); gap: 1rem; }
        figure { margin: 0; } figcaption { font-size: .85rem; opacity: .8; }
        canvas { width: 100%; height: 240px; display: block; border: 1px solid var(--line); }
        #gantt { height: 480px; cursor: grab; touch-action: none; }
        .legend span { margin-right: 1.2rem; white-space: nowrap; } .legend i { display: inline-block; width: 1.4em; height: .35em; margin-right: .4em; vertical-align: middle; }
        .hint { font-size: .85rem; opacity: .75; }
        @media (max-width: 40rem) { .charts { grid-template-columns: 1fr; } }

        """
}
