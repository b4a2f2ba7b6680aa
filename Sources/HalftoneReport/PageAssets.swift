/// Style and behaviour of pages.
enum PageAssets {
    static let style = """
        *{box-sizing:border-box}
        body{margin:0;background:var(--surface);color:var(--ink);
        font:16px/1.55 system-ui,-apple-system,"Segoe UI","Noto Sans","DejaVu Sans",sans-serif}
        main{max-width:46rem;margin:0 auto;padding:2.5rem 1rem 4rem}
        h1{font-size:1.75rem;line-height:1.2;margin:0 0 1rem}
        h2{font-size:1.2rem;margin:2.5rem 0 .5rem}
        p{margin:.5rem 0 1rem}
        figure{margin:1.5rem -1rem;position:relative;border-radius:6px}
        figure svg{display:block;width:100%;height:auto}
        .scroll{overflow-x:auto;margin:1.5rem 0}
        :focus-visible{outline:2px solid var(--series-0);outline-offset:3px}
        table{border-collapse:collapse;width:100%;font-size:.9rem;font-variant-numeric:tabular-nums}
        caption{text-align:left;font-weight:600;padding:.25rem 0 .5rem}
        th,td{text-align:left;padding:.4rem .75rem .4rem 0;border-bottom:1px solid var(--grid)}
        th{color:var(--muted);font-weight:500}
        .number{text-align:right;white-space:nowrap}
        td{vertical-align:top}
        pre{overflow-x:auto;font:.8rem/1.45 ui-monospace,"DejaVu Sans Mono",monospace;
        padding:.75rem 1rem;border:1px solid var(--grid);border-radius:6px}
        #tip{position:absolute;pointer-events:none;background:var(--surface);color:var(--ink);
        border:1px solid var(--muted);border-radius:4px;padding:.15rem .5rem;font-size:.8rem;
        max-width:20rem;z-index:1}
        .mark{fill:none;stroke:var(--ink);stroke-width:2}
        @media print{#tip{display:none}}
        """

    static let script = """
        'use strict';
        const tip = document.getElementById('tip');
        for (const figure of document.querySelectorAll('figure')) {
          const svg = figure.querySelector('svg');
          const spots = JSON.parse(figure.querySelector('script').textContent);
          if (!spots.length) continue;
          let mark = null, at = -1;
          const show = index => {
            at = index;
            const spot = spots[index], box = svg.getBoundingClientRect();
            const scale = box.width / svg.viewBox.baseVal.width;
            if (!mark) {
              mark = document.createElementNS('http://www.w3.org/2000/svg', 'circle');
              mark.setAttribute('r', 6);
              mark.setAttribute('class', 'mark');
              svg.append(mark);
            }
            mark.setAttribute('cx', spot.x);
            mark.setAttribute('cy', spot.y);
            tip.textContent = spot.text;
            tip.hidden = false;
            const left = box.left + spot.x * scale + 12;
            const most = document.documentElement.clientWidth - tip.offsetWidth - 8;
            tip.style.left = Math.max(8, Math.min(left, most)) + scrollX + 'px';
            tip.style.top = box.top + spot.y * scale - 34 + scrollY + 'px';
          };
          const hide = () => {
            tip.hidden = true;
            if (mark) mark.remove();
            mark = null;
          };
          svg.addEventListener('pointermove', event => {
            const box = svg.getBoundingClientRect();
            const scale = svg.viewBox.baseVal.width / box.width;
            const x = (event.clientX - box.left) * scale, y = (event.clientY - box.top) * scale;
            let best = -1, least = 60 * 60;
            spots.forEach((spot, index) => {
              const distance = (spot.x - x) ** 2 + (spot.y - y) ** 2;
              if (distance < least) { least = distance; best = index; }
            });
            if (best < 0) hide(); else show(best);
          });
          svg.addEventListener('pointerleave', hide);
          figure.addEventListener('blur', hide);
          figure.addEventListener('keydown', event => {
            const last = spots.length - 1;
            const next = {
              ArrowRight: Math.min(last, at + 1), ArrowDown: Math.min(last, at + 1),
              ArrowLeft: Math.max(0, at - 1), ArrowUp: Math.max(0, at - 1), Home: 0, End: last
            }[event.key];
            if (next === undefined && event.key !== 'Escape') return;
            event.preventDefault();
            if (event.key === 'Escape') hide(); else show(next);
          });
        }
        """
}
