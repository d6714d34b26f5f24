'use strict';
// Draws the charts of the report from the JSON in #data, as SVG: it scales, prints and follows the page's colours by itself.
// Zoom by dragging, double click or Escape for all; arrows move the cursor, + and - zoom around it. No network, no HTML from data.
(() => {
  const data = JSON.parse(document.getElementById('data').textContent);
  const runs = data.runs;
  const several = runs.length > 1;
  const SVG = 'http://www.w3.org/2000/svg';

  function node(parent, name, attributes = {}, text = '') {
    const svg = parent.namespaceURI === SVG || name === 'svg';
    const made = svg ? document.createElementNS(SVG, name) : document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text) made.textContent = text;
    return parent.appendChild(made);
  }

  // Three significant digits below 1,000, whole numbers above.
  function number(value) {
    const size = Math.abs(value);
    const decimals = size >= 100 || size === 0 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3;
    return value.toLocaleString('en-US', {maximumFractionDigits: decimals});
  }

  // Moments and spans, in seconds, are shown in minutes when the run is long.
  const last = Math.max(1e-3, ...runs.flatMap((run) => [
    run.points ? (run.points.t_ms.at(-1) ?? 0) / 1000 : 0,
    ...run.timeline.workers.slice(0, 1).map((w) => run.timeline.start_s + run.timeline.bin_s * w.waiting.length)]));
  const minute = last > 600 ? {by: 60, name: 'min'} : {by: 1, name: 's'};
  const moment = (s) => `${number(s / minute.by)} ${minute.name}`;

  const scales = {
    linear: {to: (v) => v, from: (v) => v},
    log: {to: (v) => Math.log10(Math.max(v, 1e-6)), from: (v) => 10 ** v},
  };

  // Round values between lo and hi, at most about `count`.
  function ticks(kind, lo, hi, count) {
    const out = [];
    if (kind === 'log' && hi / lo > 5) {
      const decades = Math.log10(hi / lo);
      const within = decades > count / 2 ? [1] : decades > 1.4 ? [1, 3] : [1, 2, 5];
      for (let power = Math.floor(Math.log10(lo)); 10 ** power <= hi; ++power) {
        for (const digit of within) {
          const value = digit * 10 ** power;
          if (value >= lo * 0.999 && value <= hi * 1.001) out.push(value);
        }
      }
      return out;
    }
    const rough = (hi - lo) / count;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].find((f) => f * power >= rough) * power;
    for (let i = Math.ceil(lo / step - 1e-9); i * step <= hi + step * 1e-9; ++i) out.push(i * step + 0);
    return out;
  }

  // The last index whose x is at most `value`; -1: none.
  function at_or_before(xs, value) {
    let lo = 0;
    let hi = xs.length;
    while (lo < hi) {
      const middle = (lo + hi) >> 1;
      if (xs[middle] <= value) lo = middle + 1; else hi = middle;
    }
    return lo - 1;
  }

  const all = [];           // every chart, to draw them again at another width
  let clips = 0;
  const kHint = 'Drag to zoom in, double-click for all. With the keyboard: arrows, + and \u2212, Escape.';

  // What charts share: a view over x that can be zoomed, a cursor, a line of text that reads it.
  class Chart {
    constructor(host, spec) {
      this.spec = spec;
      this.group = spec.group ?? [];
      this.group.push(this);
      this.whole = [spec.x.lo, spec.x.hi];
      this.view = this.whole;
      this.cursor = null;
      this.plot = node(host, 'div', {class: spec.wide ? 'plot wide' : 'plot'});
      this.svg = node(this.plot, 'svg', {tabindex: 0, role: 'img', 'aria-label': spec.label});
      this.readout = node(host, 'p', {class: 'readout', 'aria-live': 'polite'}, '\u00a0');
      this.listen();
      all.push(this);  // drawn when all have their place
    }

    listen() {
      const svg = this.svg;
      svg.addEventListener('pointerdown', (event) => {
        if (event.button !== 0 || event.pointerType === 'touch') return;
        this.from = this.value_at(event);
        svg.setPointerCapture(event.pointerId);
      });
      svg.addEventListener('pointermove', (event) => this.point_at(this.value_at(event), this.position(event)));
      svg.addEventListener('pointerup', (event) => {
        const to = this.value_at(event);
        if (this.from !== undefined && this.from !== null && to !== null) this.zoom(Math.min(this.from, to), Math.max(this.from, to));
        this.from = undefined;
        this.overlay();
      });
      svg.addEventListener('pointerleave', () => this.point_at(null));
      svg.addEventListener('dblclick', () => this.reset());
      svg.addEventListener('focus', () => { if (this.cursor === null) this.readout.textContent = kHint; });
      svg.addEventListener('blur', () => this.point_at(null));
      svg.addEventListener('keydown', (event) => this.key(event));
    }

    key(event) {
      const {to, from} = scales[this.spec.x.kind];
      const [lo, hi] = this.view.map(to);
      const here = this.cursor === null ? (lo + hi) / 2 : to(this.cursor);
      const move = (by) => this.point_at(from(Math.min(hi, Math.max(lo, here + by * (hi - lo)))));
      const size = {'+': 0.25, '=': 0.25, '-': 1}[event.key];
      if (event.key === 'ArrowRight') move(event.shiftKey ? 0.1 : 0.01);
      else if (event.key === 'ArrowLeft') move(event.shiftKey ? -0.1 : -0.01);
      else if (event.key === 'Home') this.point_at(this.view[0]);
      else if (event.key === 'End') this.point_at(this.view[1]);
      else if (event.key === 'Escape' || event.key === '0') this.reset();
      else if (size) this.zoom(from(here - size * (hi - lo)), from(here + size * (hi - lo)));
      else return;
      event.preventDefault();
    }

    zoom(lo, hi) {
      const {to} = scales[this.spec.x.kind];
      const [first, end] = this.whole;
      lo = Math.max(first, lo);
      hi = Math.min(end, hi);
      if (to(hi) - to(lo) < 1e-3 * (to(end) - to(first))) return;  // a click, or finer than the data
      this.show([lo, hi]);
    }

    reset() { this.show(null); }

    show(view) {
      for (const chart of this.group) {
        chart.view = view ?? chart.whole;
        chart.draw();
      }
    }

    // Of an event, in the units of the drawing.
    position(event) {
      const box = this.svg.getBoundingClientRect();
      const by = this.width / box.width;
      return [(event.clientX - box.left) * by, (event.clientY - box.top) * by];
    }

    // The value of x there, null outside of the plot.
    value_at(event) {
      const [px] = this.position(event);
      const frame = this.frames.find((f) => px >= f.left - 6 && px <= f.right + 6);
      if (!frame) return null;
      const {to, from} = scales[this.spec.x.kind];
      const [lo, hi] = this.view.map(to);
      const share = Math.min(1, Math.max(0, (px - frame.left) / (frame.right - frame.left)));
      return from(lo + share * (hi - lo));
    }

    x_of(value, frame) {
      const {to} = scales[this.spec.x.kind];
      const [lo, hi] = this.view.map(to);
      return frame.left + (to(value) - lo) / (hi - lo) * (frame.right - frame.left);
    }

    point_at(value, position = null) {
      this.cursor = value;
      this.pointer = position;
      this.overlay();
      if (value === null) this.readout.textContent = this.view === this.whole ? '\u00a0' : 'Zoomed in: double-click or Escape for all.';
    }

    draw(forced = 0) {
      this.width = Math.max(this.spec.wide ? 680 : 260, forced || this.plot.clientWidth || 600);
      this.svg.replaceChildren();
      this.paint();
      this.svg.setAttribute('viewBox', `0 0 ${this.width} ${this.height}`);
      this.over = node(this.svg, 'g', {class: 'over'});
      this.overlay();
    }

    clip(frame) {
      const id = `clip${++clips}`;
      node(node(this.svg, 'clipPath', {id}), 'rect',
        {x: frame.left, y: frame.top, width: frame.right - frame.left, height: frame.bottom - frame.top});
      return `url(#${id})`;
    }

    selection() {
      if (this.from === undefined || this.from === null || this.cursor === null) return;
      for (const frame of this.frames) {
        const [a, b] = [this.x_of(this.from, frame), this.x_of(this.cursor, frame)];
        node(this.over, 'rect',
          {class: 'select', x: Math.min(a, b), y: frame.top, width: Math.abs(a - b), height: frame.bottom - frame.top});
      }
    }
  }

  // Axes, series and limits in one frame.
  class Plot extends Chart {
    paint() {
      const {x, y, series, limits = []} = this.spec;
      this.height = this.spec.height ?? 280;
      const frame = {left: 50, right: this.width - 12, top: limits.some((limit) => limit.x !== undefined) ? 40 : 24, bottom: this.height - 36};
      this.frames = [frame];
      const {to} = scales[y.kind];
      this.y_of = (value) => frame.bottom - (to(value) - to(y.lo)) / (to(y.hi) - to(y.lo)) * (frame.bottom - frame.top);
      for (const value of ticks(y.kind, y.lo, y.hi, 6)) {
        node(this.svg, 'path', {class: 'grid', d: `M${frame.left} ${this.y_of(value)}H${frame.right}`});
        node(this.svg, 'text', {x: frame.left - 7, y: this.y_of(value) + 4, 'text-anchor': 'end'}, number(value / (y.by ?? 1)));
      }
      const x_ticks = ticks(x.kind, this.view[0] / (x.by ?? 1), this.view[1] / (x.by ?? 1), Math.max(3, this.width / 75));
      for (const value of x_ticks) {
        const px = this.x_of(value * (x.by ?? 1), frame);
        node(this.svg, 'path', {class: 'axis', d: `M${px} ${frame.bottom}v4`});
        const anchor = px > this.width - 28 ? 'end' : 'middle';
        node(this.svg, 'text', {x: anchor === 'end' ? this.width : px, y: frame.bottom + 16, 'text-anchor': anchor}, number(value));
      }
      node(this.svg, 'path', {class: 'axis', d: `M${frame.left} ${frame.bottom}H${frame.right}`});
      node(this.svg, 'text', {x: 0, y: 12}, y.title);
      node(this.svg, 'text', {x: frame.right, y: frame.bottom + 32, 'text-anchor': 'end'}, x.title);
      const clip = this.clip({...frame, top: frame.top - 2, bottom: frame.bottom + 2});
      for (const one of series) {
        for (const d of this.paths(one, frame)) {
          node(this.svg, 'path', {class: `${one.kind} ${one.style}`, d, 'clip-path': clip, 'data-name': one.name});
        }
      }
      for (const limit of limits) this.limit(limit, frame);
    }

    // Of a curve one path. Of points several that lie on one another, so that where there are many it is darker.
    paths(one, frame) {
      const points = one.kind === 'points';
      const out = Array(points ? 8 : 1).fill('');
      let pen = false;
      for (let i = 0; i < one.x.length; ++i) {
        if (one.y[i] === null) {
          pen = false;
          continue;
        }
        const place = `${this.x_of(one.x[i], frame).toFixed(1)} ${this.y_of(one.y[i]).toFixed(1)}`;
        out[i % out.length] += points ? `M${place}h0` : pen ? `L${place}` : `M${place}h0`;
        pen = true;
      }
      return out;
    }

    limit({x, y, text}, frame) {
      if (x !== undefined) {
        if (x < this.view[0] || x > this.view[1]) return;
        const px = this.x_of(x, frame);
        const place = Math.min(frame.right - 45, Math.max(frame.left + 45, px));
        node(this.svg, 'path', {class: 'limit-line', d: `M${px} ${frame.top - 4}V${frame.bottom}`});
        node(this.svg, 'text', {class: 'limit', x: place, y: frame.top - 8, 'text-anchor': 'middle'}, text);
      } else {
        const py = this.y_of(y);
        if (py < frame.top || py > frame.bottom) return;
        node(this.svg, 'path', {class: 'limit-line', d: `M${frame.left} ${py}H${frame.right}`});
        node(this.svg, 'text', {class: 'limit', x: frame.right - 4, y: py - 5, 'text-anchor': 'end'}, text);
      }
    }

    // The index of the point to read: under the pointer if there is one, else the nearest in x.
    nearest(one, frame) {
      let best = -1;
      let least = Infinity;
      for (let i = 0; i < one.x.length; ++i) {
        if (one.y[i] === null || one.x[i] < this.view[0] || one.x[i] > this.view[1]) continue;
        const dx = this.x_of(one.x[i], frame) - (this.pointer ? this.pointer[0] : this.x_of(this.cursor, frame));
        const dy = this.pointer ? this.y_of(one.y[i]) - this.pointer[1] : 0;
        const distance = dx * dx + dy * dy;
        if (distance < least) [least, best] = [distance, i];
      }
      return best;
    }

    overlay() {
      this.over.replaceChildren();
      this.selection();
      if (this.cursor === null) return;
      const frame = this.frames[0];
      const parts = [];
      let at = this.cursor;
      for (const one of this.spec.series) {
        const i = one.kind === 'points' ? this.nearest(one, frame) : at_or_before(one.x, this.cursor);
        if (i < 0 || one.y[i] === null) continue;
        if (one.kind === 'points') at = one.x[i];
        node(this.over, 'circle', {class: 'dot', r: 3.5, cx: this.x_of(one.kind === 'points' ? one.x[i] : this.cursor, frame), cy: this.y_of(one.y[i])});
        parts.push([one.name, `${number(one.y[i])} ${this.spec.y.unit}`]);
      }
      node(this.over, 'path', {class: 'cursor', d: `M${this.x_of(at, frame)} ${frame.top}V${frame.bottom}`});
      this.readout.textContent = `${this.spec.x.read(at)}: `;
      parts.forEach(([name, text], i) => {
        this.readout.append(i > 0 ? ', ' : '');
        node(this.readout, 'b', {}, text);
        this.readout.append(name ? ` ${name}` : '');
      });
    }
  }

  // One row for each worker, one column for each figure, all over the same time; a column has one scale.
  class Lanes extends Chart {
    paint() {
      const {columns, rows, style} = this.spec;
      const kRow = 36;
      const names = 14 + 7.2 * Math.max(...rows.map((row) => row.name.length));
      const room = (this.width - names) / columns.length;
      this.height = 40 + rows.length * kRow + 34;
      this.frames = columns.map((_, c) => (
        {left: names + c * room, right: names + (c + 1) * room - 16, top: 40, bottom: 40 + rows.length * kRow}));
      rows.forEach((row, r) => node(this.svg, 'text', {class: 'name', x: 0, y: this.base(r) - 5}, row.name));
      columns.forEach((column, c) => this.column(column, this.frames[c], style));
    }

    base(row) { return 40 + (row + 1) * 36; }

    y_in(column, value) { return 28 * value / column.most; }

    column(column, frame, style) {
      const {rows, start, bin} = this.spec;
      node(this.svg, 'text', {class: 'name', x: frame.left, y: 13}, column.title);
      node(this.svg, 'text', {x: frame.left, y: 28}, `0 \u2013 ${number(column.most)} ${column.unit}`);
      const clip = this.clip({...frame, top: 36});
      rows.forEach((row, r) => {
        const base = this.base(r);
        let d = '';
        let above = 0;
        row[column.key].forEach((value, i) => {
          const px = this.x_of(start + i * bin, frame).toFixed(1);
          const next = (base - this.y_in(column, value)).toFixed(1);
          if (i === 0) d = `M${px} ${next}`;
          else if (next !== above) d += `H${px}V${next}`;
          above = next;
        });
        const count = row[column.key].length;
        if (count === 0) return;
        d += `H${this.x_of(start + count * bin, frame).toFixed(1)}`;
        const first = this.x_of(start, frame).toFixed(1);
        node(this.svg, 'path', {class: `area ${style}`, d: `${d}V${base}H${first}Z`, 'clip-path': clip});
        node(this.svg, 'path', {class: `edge ${style}`, d, 'clip-path': clip, 'data-name': `${row.name} ${column.key}`});
        node(this.svg, 'path', {class: 'axis', d: `M${frame.left} ${base}H${frame.right}`});
      });
      const [lo, hi] = this.view.map((s) => number(s / minute.by));
      node(this.svg, 'text', {x: frame.left, y: frame.bottom + 15}, lo);
      node(this.svg, 'text', {x: frame.right, y: frame.bottom + 15, 'text-anchor': 'end'}, `${hi} ${minute.name}`);
    }

    overlay() {
      this.over.replaceChildren();
      this.selection();
      if (this.cursor === null) return;
      const {columns, rows, start, bin} = this.spec;
      const i = Math.floor((this.cursor - start) / bin);
      columns.forEach((column, c) => {
        const frame = this.frames[c];
        const px = this.x_of(this.cursor, frame);
        node(this.over, 'path', {class: 'cursor', d: `M${px} ${frame.top}V${frame.bottom}`});
        const left = px > (frame.left + frame.right) / 2;
        rows.forEach((row, r) => {
          const value = row[column.key][i];
          if (value === undefined) return;
          node(this.over, 'text', {class: 'value', x: px + (left ? -4 : 4), y: this.base(r) - 12, 'text-anchor': left ? 'end' : 'start'}, number(value));
        });
      });
      this.readout.textContent = `From ${moment(start + i * bin)}, mean over ${number(bin)} s.`;
    }
  }

  const style_of = (i) => `run${i % 6}`;
  const host_of = (id) => document.getElementById(id);

  function heading(host, text, style = null) {
    const title = node(host, 'h3');
    if (style) {
      const key = node(title, 'svg', {class: `key ${style}`, viewBox: '0 0 26 8', 'aria-hidden': 'true'});
      node(key, 'path', {class: 'curve', d: 'M1 4H25'});
    }
    title.append(text);
  }

  function legend(host, entries) {
    const list = node(host, 'ul', {class: 'legend'});
    for (const {name, style, kind} of entries) {
      const item = node(list, 'li');
      const key = node(item, 'svg', {class: `key ${style}`, viewBox: '0 0 26 8', 'aria-hidden': 'true'});
      node(key, 'path', {class: kind, d: 'M1 4H25'});
      item.append(name);
    }
  }

  const named = (run) => (several ? run.label : '');
  const unique = (values) => [...new Set(values)];

  // Shares of requests over a limit that they would keep.
  function curves(id, key, title, limit_key, words) {
    const host = host_of(id);
    if (!host) return;
    const series = runs.flatMap((run, i) => (run[key] && run[key].x.length > 0
      ? [{name: named(run), style: style_of(i), kind: 'curve', always: run[key].always, x: run[key].x, y: run[key].y}] : []));
    if (series.length === 0) return;
    const xs = series.flatMap((one) => [one.x.find((v) => v > 0) ?? 1e-3, one.x.at(-1)]);
    const limits = limit_key ? unique(runs.map((run) => run[limit_key])) : [];
    const [lo, hi] = [Math.max(1e-3, Math.min(...xs, ...limits)), Math.max(...xs, ...limits, 2e-3)];
    for (const one of series) {  // outside of its values a curve goes on level
      one.x = [lo / 1.05, ...one.x, hi * 1.05];
      one.y = [one.always, ...one.y, one.y.at(-1)];
    }
    heading(host, title);
    if (several) legend(host, series);
    new Plot(host, {
      label: `${title}: ${words.y}, over ${words.x}`,
      x: {kind: 'log', lo: lo / 1.05, hi: hi * 1.05, title: `${words.x} (ms, log scale)`, read: (v) => `${number(v)} ms${words.reads}`},
      y: {kind: 'linear', lo: 0, hi: 100, title: `${words.y} (%)`, unit: '%'},
      series,
      limits: limits.map((x) => ({x, text: `limit ${number(x)} ms`})),
    });
  }

  const over_time = [];

  function scatter(id, x, label, group) {
    const host = host_of(id);
    const drawn = runs.filter((run) => run.points && run.points.drawn > 0);
    if (!host || drawn.length === 0) return;
    const ys = drawn.flatMap((run) => [Math.min(...chunked(run.points.ttft_ms, Math.min)), Math.max(...chunked(run.points.ttft_ms, Math.max))]);
    const limits = drawn.map((run) => run.ttft_limit_ms);
    const y = {kind: 'log', lo: Math.max(0.1, Math.min(...ys, ...limits)) / 1.2, hi: Math.max(...ys, ...limits) * 1.2,
               title: 'TTFT (ms, log scale)', unit: 'ms'};
    runs.forEach((run, i) => {
      if (!run.points || run.points.drawn === 0) return;
      const figure = node(host, 'figure');
      if (several) heading(figure, run.label, style_of(i));
      new Plot(figure, {
        label: `${label}, ${run.label}: ${run.points.drawn} requests`, x, y, group,
        series: [{name: 'TTFT', style: `${style_of(i)}${run.points.drawn < 1500 ? ' few' : ''}`, kind: 'points', x: x.of(run.points), y: run.points.ttft_ms}],
        limits: [{y: run.ttft_limit_ms, text: `limit ${number(run.ttft_limit_ms)} ms`}],
      });
    });
  }

  // Math.min(...values) takes no more arguments than the stack holds.
  function chunked(values, of) {
    const out = [];
    for (let i = 0; i < values.length; i += 10000) out.push(of(...values.slice(i, i + 10000)));
    return out;
  }

  const time_axis = {kind: 'linear', lo: 0, hi: last, by: minute.by, title: `due (${minute.name} from the start)`,
                     read: (v) => `Due at ${moment(v)}`};

  function scatters() {
    scatter('ttft-time', {...time_axis, of: (points) => points.t_ms.map((ms) => ms / 1000)}, 'TTFT over time', over_time);
    const longest = Math.max(1, ...runs.flatMap((run) => (run.points ? chunked(run.points.new_tokens, Math.max) : [])));
    const shortest = Math.max(1, Math.min(longest / 10, ...runs.flatMap((run) => (run.points ? chunked(run.points.new_tokens, Math.min) : []))));
    scatter('ttft-length', {kind: 'log', lo: shortest / 1.1, hi: longest * 1.1, title: 'prompt tokens that were not cached (log scale)',
                            read: (v) => `${number(v)} tokens to compute`, of: (points) => points.new_tokens.map((n) => Math.max(1, n))}, 'TTFT over prompt length');
  }

  function lanes() {
    const host = host_of('lanes');
    const shown = runs.filter((run) => run.timeline.workers.length > 0);
    if (!host || shown.length === 0) return;
    const keys = [['waiting', 'Waiting', 'requests'], ['prefill', 'In prefill', 'requests'], ['decode', 'Decode batch', 'requests'],
                  ['kv_percent', 'KV in use', '%'], ['transfers', 'KV on its way', 'requests']];
    const columns = keys.map(([key, title, unit]) => {
      const most = Math.max(...shown.flatMap((run) => run.timeline.workers.flatMap((w) => chunked(w[key], Math.max))));
      return {key, title, unit, most: key === 'kv_percent' && most > 0 ? 100 : most};
    }).filter((column) => column.most > 0);
    runs.forEach((run, i) => {
      const {workers, start_s, bin_s} = run.timeline;
      if (workers.length === 0) return;
      const figure = node(host, 'figure');
      if (several) heading(figure, run.label, style_of(i));
      new Lanes(figure, {
        label: `Each worker over time, ${run.label}: ${columns.map((c) => c.title).join(', ')}`,
        x: {kind: 'linear', lo: 0, hi: last}, wide: true, group: over_time,
        columns, rows: workers, style: style_of(i), start: start_s, bin: bin_s,
      });
    });
  }

  function hits() {
    const host = host_of('hits');
    if (!host) return;
    const series = [];
    const bounds = new Map();
    runs.forEach((run, i) => {
      if (!run.hits) return;
      series.push({name: several ? run.label : 'hits', style: style_of(i), kind: 'curve', x: run.hits.t_s, y: run.hits.hit_percent});
      if (run.hits.bound_percent.length > 0) bounds.set(JSON.stringify(run.hits.bound_percent), run.hits);
    });
    if (series.length === 0) return;
    for (const bound of bounds.values()) {
      series.push({name: 'infinite cache', style: '', kind: 'bound', x: bound.t_s, y: bound.bound_percent});
    }
    const most = Math.max(1, ...series.flatMap((one) => one.y.filter((v) => v !== null)));
    legend(host, series);
    new Plot(host, {
      label: 'Prefix cache hits over time', x: {...time_axis, read: (v) => `Around ${moment(v)}`}, group: over_time,
      y: {kind: 'linear', lo: 0, hi: Math.min(100, most * 1.1), title: 'hits (% of prompt tokens)', unit: '%'}, series,
    });
  }

  const attainment = {x: 'limit', y: 'requests that would keep it', reads: ' is kept by'};
  curves('curve-ttft', 'ttft', 'Time to first token (TTFT)', 'ttft_limit_ms', attainment);
  curves('curve-itl', 'itl', 'Mean gap between tokens (ITL)', 'itl_limit_ms', attainment);
  scatters();
  lanes();
  hits();
  curves('curve-lag', 'lag', 'Lag of the client: from due to first byte written', null,
         {x: 'lag', y: 'requests that were no later', reads: ' or less'});

  for (const chart of all) chart.draw();
  let width = window.innerWidth;
  window.addEventListener('resize', () => {
    if (window.innerWidth === width) return;
    width = window.innerWidth;
    for (const chart of all) chart.draw();
  });
  window.addEventListener('beforeprint', () => { for (const chart of all) chart.draw(chart.spec.wide ? 700 : 345); });
  window.addEventListener('afterprint', () => { for (const chart of all) chart.draw(); });
})();
