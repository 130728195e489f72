extension ReportContent {
    /// The leaf-occupancy chart: a view onto time and memory slices that wheel and pointer move.
    static let ganttScript = #"""
        const gantt = byId("gantt");
        let view = null, held = null;
        const currentRun = () => report.runs[byId("run").value];

        function whole(run) {
          let end = 1, rows = 8, begin = Infinity;
          for (const s of run.spans) { end = Math.max(end, s[5]); begin = Math.min(begin, s[4]); rows = Math.max(rows, (s[1] + 1) * 8); }
          return { t0: begin === Infinity ? 0 : begin, t1: end, r0: 0, r1: rows };
        }

        function jobColour(job) { return `hsl(${(job * 137.508) % 360} 62% ${48 + (job % 3) * 7}%)`; }

        function drawGantt() {
          const run = currentRun();
          if (!run) return;
          if (!view) view = whole(run);
          const [pen, width, height] = prepare(gantt);
          const left = 46, top = 4, right = width - 4, bottom = height - 20;
          const px = t => left + (right - left) * (t - view.t0) / (view.t1 - view.t0);
          const py = r => top + (bottom - top) * (r - view.r0) / (view.r1 - view.r0);
          pen.save(); pen.beginPath(); pen.rect(left, top, right - left, bottom - top); pen.clip();
          const row = py(1) - py(0);
          for (const [job, gpu, start, size, from, to] of run.spans) {
            const r = gpu * 8 + start;
            if (to < view.t0 || from > view.t1 || r + size < view.r0 || r > view.r1) continue;
            const x = px(from), w = Math.max(px(to) - x, .5), y = py(r), h = Math.max(size * row - (row > 3 ? 1 : 0), .5);
            pen.fillStyle = jobColour(job); pen.fillRect(x, y, w, h);
            if (w > 44 && h > 12) {
              pen.fillStyle = "#fff"; pen.textBaseline = "middle"; pen.textAlign = "left";
              pen.save(); pen.beginPath(); pen.rect(x, y, w, h); pen.clip();
              pen.fillText(run.names[job], Math.max(x, left) + 3, y + h / 2); pen.restore();
            }
          }
          pen.restore();
          pen.fillStyle = pen.strokeStyle = ink(); pen.textAlign = "right"; pen.textBaseline = "middle";
          const every = Math.max(1, Math.ceil(14 / (row * 8)));
          for (let gpu = Math.floor(view.r0 / 8); gpu * 8 < view.r1; gpu++) {
            const y = py(gpu * 8);
            if (y < top - 1 || y > bottom) continue;
            if (row * 8 > 5) { pen.globalAlpha = .3; pen.beginPath(); pen.moveTo(left, y); pen.lineTo(right, y); pen.stroke(); pen.globalAlpha = 1; }
            if (gpu % every === 0) pen.fillText("GPU " + gpu, left - 4, Math.min(y + Math.min(row * 4, 10), bottom));
          }
          pen.textAlign = "center"; pen.textBaseline = "top";
          for (const t of timeSteps(view.t0, view.t1, 9)) pen.fillText(duration(t), px(t), bottom + 4);
        }

        function place(event) {
          const box = gantt.getBoundingClientRect(), left = 46, top = 4;
          const x = (event.clientX - box.left - left) / (box.width - left - 4), y = (event.clientY - box.top - top) / (box.height - top - 20);
          return { t: view.t0 + x * (view.t1 - view.t0), r: view.r0 + y * (view.r1 - view.r0) };
        }

        gantt.addEventListener("wheel", event => {
          if (!view) return;
          event.preventDefault();
          const at = place(event), factor = 1.0015 ** (event.deltaY || event.deltaX), all = whole(currentRun());
          const [a, b, centre] = event.shiftKey ? ["r0", "r1", at.r] : ["t0", "t1", at.t];
          const least = event.shiftKey ? 2 : 1e-3, low = Math.max(all[a], centre - (centre - view[a]) * factor), high = Math.min(all[b], centre + (view[b] - centre) * factor);
          if (high - low >= least) { view[a] = low; view[b] = high; drawGantt(); }
        }, { passive: false });
        gantt.addEventListener("pointerdown", event => { if (view) { held = place(event); gantt.setPointerCapture(event.pointerId); } });
        gantt.addEventListener("pointerup", () => { held = null; });
        gantt.addEventListener("dblclick", () => { view = null; drawGantt(); });
        gantt.addEventListener("pointermove", event => {
          const run = currentRun();
          if (!view || !run) return;
          const at = place(event);
          if (held) {
            const all = whole(run), dt = Math.min(Math.max(held.t - at.t, all.t0 - view.t0), all.t1 - view.t1), dr = Math.min(Math.max(held.r - at.r, all.r0 - view.r0), all.r1 - view.r1);
            view.t0 += dt; view.t1 += dt; view.r0 += dr; view.r1 += dr;
            drawGantt();
            return;
          }
          const hit = run.spans.find(s => at.t >= s[4] && at.t <= s[5] && at.r >= s[1] * 8 + s[2] && at.r < s[1] * 8 + s[2] + s[3]);
          byId("pointed").textContent = hit ? `job ${run.names[hit[0]]}; GPU ${hit[1]}, memory slices ${hit[2]}:${hit[3]}; from ${duration(hit[4])} for ${duration(hit[5] - hit[4])}` : "\u00a0";
        });

        report.runs.forEach((r, i) => byId("run").add(new Option(`${r.model}, ${r.queue}`, i)));
        function chosen() {
          view = null;
          const run = currentRun();
          byId("ganttnote").textContent = !run || !run.spans.length ? "No occupancy was kept (--gantt 0)." : run.cut ? `The first ${run.spans.length} instances held; --gantt keeps more.` : "";
          drawGantt();
        }
        byId("run").addEventListener("change", chosen);
        window.addEventListener("resize", () => { charts(); drawGantt(); });
        charts();
        chosen();

        """#
}
