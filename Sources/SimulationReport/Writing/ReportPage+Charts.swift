extension ReportContent {
    /// Lines over time and distributions, drawn again when the window's size or the queue changes.
    static let script = #"""
        "use strict";
        const colours = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#999933", "#882255", "#44aa99", "#6f6f6f"];
        const byId = id => document.getElementById(id);
        const ink = () => getComputedStyle(document.body).color;
        const queues = [...new Set(report.runs.map(r => r.queue))];
        const models = [...new Set(report.runs.map(r => r.model))];
        const colourOf = model => colours[models.indexOf(model) % colours.length];

        function duration(s) {
          if (!(s > 0)) return "0";
          if (s < 1) return (s * 1000).toPrecision(2) + " ms";
          for (const [unit, size] of [["d", 86400], ["h", 3600], ["min", 60]]) if (s >= size) return +(s / size).toPrecision(3) + " " + unit;
          return +s.toPrecision(3) + " s";
        }

        function prepare(canvas) {
          const ratio = window.devicePixelRatio || 1, box = canvas.getBoundingClientRect();
          canvas.width = Math.max(1, Math.round(box.width * ratio));
          canvas.height = Math.max(1, Math.round(box.height * ratio));
          const pen = canvas.getContext("2d");
          pen.setTransform(ratio, 0, 0, ratio, 0, 0);
          pen.clearRect(0, 0, box.width, box.height);
          pen.font = "11px system-ui, sans-serif";
          return [pen, box.width, box.height];
        }

        function steps(low, high, wanted) {
          const raw = (high - low) / wanted, power = 10 ** Math.floor(Math.log10(raw));
          const step = power * ([1, 2, 5, 10].find(f => f * power >= raw) || 10);
          const values = [];
          for (let v = Math.ceil(low / step) * step; v <= high + step * 1e-9; v += step) values.push(v);
          return values;
        }

        function timeSteps(low, high, wanted) {
          const nice = [1, 5, 15, 60, 300, 900, 3600, 3 * 3600, 6 * 3600, 12 * 3600, 86400, 2 * 86400, 7 * 86400, 30 * 86400, 90 * 86400, 365 * 86400];
          const step = nice.find(s => (high - low) / s <= wanted) || (high - low) / wanted;
          const values = [];
          for (let v = Math.ceil(low / step) * step; v <= high; v += step) values.push(v);
          return values;
        }

        function draw(canvas, lines, options) {
          const [pen, width, height] = prepare(canvas);
          const left = 46, right = width - 12, top = 10, bottom = height - 22;
          const xs = lines.flatMap(l => l.x), ys = lines.flatMap(l => l.y);
          if (!xs.length) return;
          const log = options.log;
          let x0 = xs.reduce((a, b) => Math.min(a, b), Infinity), x1 = xs.reduce((a, b) => Math.max(a, b), -Infinity);
          if (log) { x0 = 1; x1 = Math.max(10, x1); } else if (x1 <= x0) x1 = x0 + 1;
          const y1 = options.top || Math.max(1, ys.reduce((a, b) => Math.max(a, b), 0) * 1.05);
          const px = x => log ? left + (right - left) * Math.log(Math.max(x, x0) / x0) / Math.log(x1 / x0) : left + (right - left) * (x - x0) / (x1 - x0);
          const py = y => bottom - (bottom - top) * y / y1;
          pen.strokeStyle = pen.fillStyle = ink();
          pen.textAlign = "right"; pen.textBaseline = "middle";
          for (const y of steps(0, y1, 4)) {
            pen.globalAlpha = .18; pen.beginPath(); pen.moveTo(left, py(y)); pen.lineTo(right, py(y)); pen.stroke();
            pen.globalAlpha = .8; pen.fillText(+y.toPrecision(6), left - 5, py(y));
          }
          pen.textAlign = "center"; pen.textBaseline = "top";
          const ticks = log ? [1, 10, 60, 600, 3600, 36000, 345600, 3456000, 34560000].filter(t => t <= x1) : timeSteps(x0, x1, 7);
          for (const x of ticks) {
            pen.globalAlpha = .18; pen.beginPath(); pen.moveTo(px(x), top); pen.lineTo(px(x), bottom); pen.stroke();
            pen.globalAlpha = .8; pen.fillText(duration(x), px(x), bottom + 5);
          }
          pen.globalAlpha = 1; pen.lineWidth = 1.4; pen.lineJoin = "round";
          for (const line of lines) {
            pen.strokeStyle = line.colour; pen.beginPath();
            let before = null;
            line.x.forEach((x, i) => {
              const y = py(line.y[i]);
              if (before === null) pen.moveTo(px(x), y); else { if (options.stepped) pen.lineTo(px(x), before); pen.lineTo(px(x), y); }
              before = y;
            });
            pen.stroke();
          }
        }

        function charts() {
          const shown = report.runs.filter(r => r.queue === byId("queue").value);
          byId("legend").replaceChildren(...shown.map(r => {
            const entry = document.createElement("span"), mark = document.createElement("i");
            mark.style.background = colourOf(r.model);
            entry.append(mark, r.model);
            return entry;
          }));
          const share = value => value * 100 / report.slices;
          const over = (id, value, top) => draw(byId(id), shown.map(r => ({ x: r.time, y: r.time.map((_, i) => value(r, i)), colour: colourOf(r.model) })), { top, stepped: true });
          over("utilisation", (r, i) => share(r.used[i]), 100);
          over("queued", (r, i) => r.queued[i]);
          over("external", (r, i) => share(r.unusable[i]));
          over("internal", (r, i) => share(r.held[i] - r.used[i]));
          for (const id of ["completion", "queueing"])
            draw(byId(id), shown.map(r => ({ x: r[id], y: r[id].map((_, i) => i * 100 / (r[id].length - 1)), colour: colourOf(r.model) })), { log: true, top: 100 });
        }

        for (const queue of queues) byId("queue").add(new Option(queue, queue));
        byId("queue").addEventListener("change", charts);

        """#
}
