// Residue and value under the pointer or the keyboard's cursor, and zoom. Without it the tracks stay.
for (const section of document.querySelectorAll(".protein")) {
  const { sequence, tracks } = JSON.parse(section.querySelector(".data").textContent);
  const length = sequence.length, wide = section.querySelector(".wide");
  const view = section.querySelector(".view"), readout = section.querySelector(".readout");
  const cursor = section.querySelector(".cursor"), letters = section.querySelectorAll(".letters, .of-letters");
  let zoom = 1, at = 0;

  const runAt = (runs, residue) => {
    let low = 0, high = runs.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1, [start, end] = runs[middle];
      if (residue < start) high = middle - 1;
      else if (residue > end) low = middle + 1;
      else return runs[middle];
    }
    return null;
  };
  const show = (residue) => {
    at = Math.min(length, Math.max(1, residue));
    const found = tracks.map((track) => [track, runAt(track.runs, at)]).filter(([, run]) => run);
    const said = found.map(([track, run]) => `${track.name} ${run[2]}`);
    const shown = said.slice(0, 8).join("; ") + (said.length > 8 ? `; and ${said.length - 8} more` : "");
    readout.textContent = `${sequence[at - 1]}${at}: ${shown || "nothing is on"}`;
    cursor.hidden = false;
    cursor.style.left = `${(100 * (at - 1)) / length}%`;
    cursor.style.width = `${100 / length}%`;
  };
  const resize = (factor) => {
    const most = Math.max(1, (24 * length) / view.clientWidth);
    zoom = Math.min(most, Math.max(1, zoom * factor));
    wide.style.width = `${100 * zoom}%`;
    const roomy = wide.clientWidth / length >= 8;
    letters.forEach((row) => { row.hidden = !roomy; });
    view.scrollLeft = ((at - 0.5) / length) * wide.clientWidth - view.clientWidth / 2;
  };
  wide.addEventListener("pointermove", (event) => {
    const box = wide.getBoundingClientRect();
    show(Math.floor(((event.clientX - box.left) / box.width) * length) + 1);
  });
  view.addEventListener("keydown", (event) => {
    const step = event.shiftKey ? 10 : 1;
    const to = { ArrowLeft: at - step, ArrowRight: at + step, Home: 1, End: length }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    show(to);
    const x = ((at - 0.5) / length) * wide.clientWidth;
    if (x < view.scrollLeft || x > view.scrollLeft + view.clientWidth) view.scrollLeft = x - view.clientWidth / 2;
  });
  view.addEventListener("focus", () => { if (!at) show(1); });
  section.querySelector(".closer").addEventListener("click", () => resize(2));
  section.querySelector(".further").addEventListener("click", () => resize(0.5));
  section.querySelector(".tools").hidden = false;
  resize(1);
  section.dataset.ready = "yes";
}
